// Whether one allowed verdict leaves less room than another: a limit that was not met, is lower, or takes more of. Pure.
import type { Allow, Verdict } from '../entitlement.ts';
import type { LimitCheck } from '../limit.ts';

/** Whether what passed may find a limit full that it did not meet, or met later. */
export function isTighter(before: Verdict, after: Verdict): boolean {
  if (!before.allowed || !after.allowed || after.cost === 0) return false;
  return after.limits.some((limit) => !isMet(before, after.cost, limit));
}

function isMet(before: Allow, cost: number, limit: LimitCheck): boolean {
  const known = before.limits.find(({ counter, window }) => counter === limit.counter && window === limit.window); // prettier-ignore
  if (!known || before.cost === 0) return false;
  const isLower = limit.ceiling !== null && (known.ceiling === null || limit.ceiling < known.ceiling); // prettier-ignore
  return !isLower && cost * limit.weight <= before.cost * known.weight;
}
