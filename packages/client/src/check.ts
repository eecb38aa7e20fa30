// Asking whether a call may go through: from what is kept, or from the service; and what to do where it is silent.
import { createBreaker } from './breaker.ts';
import { createCache } from './cache.ts';
import { lifetimeOf, readDecision, undecided } from './decision.ts';
import type { Http } from './http.ts';
import type { Call, Decision } from './types.ts';

export type CheckOptions = {
  whenDown: 'closed' | 'open';
  cacheMax: number;
  staleMs: number;
  maxStaleMs: number;
  breakerFailures: number;
  breakerCoolDownMs: number;
  onError: (error: unknown) => void;
};

export type Check = (call: Call) => Promise<Decision>;

/**
 * Never throws. What the service says holds for a while is kept for that while, refreshed in the background by one
 * request at a time, and used for longer where nobody answers. What counts is asked each time: kept answers would
 * count nothing.
 */
export function createCheck(http: Http, options: CheckOptions): Check {
  const now = () => Date.now();
  const cache = createCache({ max: options.cacheMax, now });
  const breaker = createBreaker({
    failures: options.breakerFailures,
    coolDownMs: options.breakerCoolDownMs,
    now,
  });

  async function ask(call: Call, key: string): Promise<Decision> {
    const answer = await http('GET', pathOf(call), { headers: headersOf(call) });
    const decision = await readDecision(answer);
    const seconds = lifetimeOf(answer);
    if (seconds > 0) cache.put(key, decision, seconds);
    else cache.drop(key);
    return decision;
  }

  /** Null where nobody answers, or where the service itself could not tell. */
  async function tryToAsk(call: Call, key: string): Promise<Decision | null> {
    if (!breaker.mayTry()) return null;
    try {
      const decision = await ask(call, key);
      breaker.succeeded();
      return decision;
    } catch (error) {
      breaker.failed();
      options.onError(error);
      return null;
    }
  }

  function refresh(call: Call, key: string): void {
    const kept = cache.get(key);
    if (!kept || kept.isRefreshing) return;
    kept.isRefreshing = true;
    void tryToAsk(call, key).finally(() => (kept.isRefreshing = false));
  }

  return async function check(call: Call): Promise<Decision> {
    const key = keyOf(call);
    const kept = cache.get(key);
    const age = kept ? now() - kept.freshUntil : Infinity;
    if (kept && age <= 0) return { ...kept.decision, source: 'cache' };
    // A denial that is over its time is asked again: who has paid must not wait for somebody else's request.
    if (kept?.decision.allowed && age <= options.staleMs) {
      refresh(call, key);
      return { ...kept.decision, source: 'stale' };
    }
    const decision = await tryToAsk(call, key);
    if (decision && !isUndecided(decision)) return decision;
    if (kept?.decision.allowed && age <= options.maxStaleMs) {
      return { ...kept.decision, access: 'degraded', source: 'stale' };
    }
    // A wrong token of ours is no reason to open everything.
    if (decision && (options.whenDown === 'closed' || decision.code === 'gateway_unauthorized')) {
      return decision;
    }
    return undecided(options.whenDown);
  };
}

function isUndecided({ status }: Decision): boolean {
  return status === 503;
}

/** The query is no part of a policy; the credential and the whole path are. */
function keyOf(call: Call): string {
  const what =
    'feature' in call
      ? `${call.feature} ${call.cost ?? 1}`
      : `${call.method} ${call.uri.split('?', 1)[0]!}`;
  return [call.apiKey ?? '', call.authorization ?? '', what].join('\n');
}

function pathOf(call: Call): string {
  if (!('feature' in call)) return '/entitlements';
  return `/entitlements/features/${encodeURIComponent(call.feature)}/${call.cost ?? 1}`;
}

function headersOf(call: Call): Record<string, string> {
  return {
    ...(call.apiKey ? { 'x-api-key': call.apiKey } : {}),
    ...(call.authorization ? { authorization: call.authorization } : {}),
    ...('feature' in call
      ? {}
      : { 'x-forwarded-method': call.method, 'x-forwarded-uri': call.uri }),
  };
}
