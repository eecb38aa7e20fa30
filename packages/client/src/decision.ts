// How an answer of the check becomes a decision, and what is decided where none came. Asks nobody.
import type { Decision, Problem } from './types.ts';

/** What callers of an API are to see of a denial, and of an allow. */
const passedOn = ['ratelimit', 'ratelimit-policy'];
const passedOnDenied = ['content-type', 'cache-control', 'link', 'retry-after', 'www-authenticate', ...passedOn]; // prettier-ignore

/** An answer that says nothing: no verdict in it, or that our own token is wrong. */
export class NoVerdict extends Error {}

export async function readDecision(answer: Response): Promise<Decision> {
  const { headers } = answer;
  const status = Number(headers.get('x-entitlement-status'));
  if (!Number.isInteger(status) || status < 200) {
    throw new NoVerdict(`The answer ${answer.status} of ${answer.url} is not Tollgate's.`);
  }
  const text = (name: string) => headers.get(name) ?? '';
  const allowed = status === 200;
  const problem = allowed ? null : ((await answer.json()) as Problem);
  if (allowed) await answer.body?.cancel();
  return {
    allowed,
    status,
    code: problem?.code ?? null,
    customerId: text('x-customer-id') || null,
    plan: (allowed ? text('x-plan') : problem?.plan) || null,
    feature: (allowed ? text('x-feature') : problem?.feature) || null,
    access: (text('x-entitlement-access') || null) as Decision['access'],
    decisionId: text('x-decision-id') || null,
    headers: pick(headers, allowed ? passedOn : passedOnDenied),
    problem,
    source: 'service',
  };
}

/** How long it holds, in seconds: 0 where the check counts, or where nothing is said. */
export function lifetimeOf(answer: Response): number {
  const seconds = Number(answer.headers.get('x-accel-expires') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0;
}

/** Nobody could tell: 503, as the service itself would say, or 200 where that is the declared switch. */
export function undecided(whenDown: 'closed' | 'open'): Decision {
  const nothing = { customerId: null, plan: null, feature: null, decisionId: null };
  if (whenDown === 'open') {
    const degraded = { status: 200, code: null, access: 'degraded' as const, problem: null };
    return { ...nothing, ...degraded, allowed: true, headers: {}, source: 'fallback' };
  }
  const problem: Problem = {
    type: 'about:blank',
    title: 'Could not be verified',
    status: 503,
    detail:
      'Whether this call may go through could not be verified just now. Try again in a moment.',
    instance: '',
    code: 'unverifiable',
    retryable: true,
    feature: null,
    plan: null,
    limit: null,
    used: null,
    remaining: null,
    resets_at: null,
    decision_id: null,
    data_as_of: null,
    actions: [],
  };
  return {
    ...nothing,
    allowed: false,
    status: 503,
    code: problem.code,
    access: null,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'retry-after': '5',
    },
    problem,
    source: 'fallback',
  };
}

function pick(headers: Headers, names: string[]): Record<string, string> {
  const found = names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}
