// The instants at which time alone may change an answer. Looks only forward.
import type { Check } from './check.ts';
import type { Change } from './explanation-change.ts';
import { customerOf } from './explanation-standing.ts';
import { turnsOf } from './footing.ts';

/** Two hundred years on: beyond it nobody waits. */
const horizonMs = 200 * 365.25 * 86_400_000;
const instantsMax = 40;

/** After now, the earliest first. */
export function laterInstants(check: Check): number[] {
  const { who, book, now } = check;
  const customer = customerOf(check);
  if (!customer || typeof who === 'string') return [];
  const instants = [
    who.key?.expiresAt ?? null,
    ...customer.overrides.map(({ expiresAt }) => expiresAt),
    ...customer.subscriptions.flatMap((one) =>
      turnsOf(one, book.plans.byVersion.get(one.planVersionId ?? '')?.ladder ?? []),
    ),
  ].filter((at) => at !== null && at > now && at < now + horizonMs) as number[];
  return [...new Set(instants)].sort((a, b) => a - b).slice(0, instantsMax);
}

export function waitUntil(ms: number): Change {
  const until = new Date(ms).toISOString();
  return { kind: 'wait', until, sentence: `wait until ${until}` };
}
