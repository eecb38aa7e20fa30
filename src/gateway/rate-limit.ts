// The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-11: the policies that apply, and the one
// nearest to its end. Names are `name-window` of a feature or pool, `name-window-key` of a key's cap: unique, and
// without anything to escape.
import type { LimitCheck } from '../domain/limit.ts';
import { secondsUntil } from '../domain/window.ts';

export function rateLimitPolicy(limits: LimitCheck[]): string {
  return limits
    .map(
      (limit) =>
        `"${nameOf(limit)}";q=${limit.max};w=${Math.round((limit.end - limit.start) / 1000)}`,
    )
    .join(', ');
}

/** `taken` is what is used and held per limit; `full` the one that refused, which is then the nearest. */
export function rateLimit(
  limits: LimitCheck[],
  taken: number[],
  full: LimitCheck | null,
  now: number,
): string | null {
  let nearest = -1;
  let share = Infinity;
  limits.forEach((limit, index) => {
    const left =
      limit === full ? -1 : limit.max === 0 ? 0 : remaining(limit, taken[index]!) / limit.max;
    if (left < share) [nearest, share] = [index, left];
  });
  const limit = limits[nearest];
  if (!limit) return null;
  return `"${nameOf(limit)}";r=${remaining(limit, taken[nearest]!)};t=${secondsUntil(limit.end, now)}`;
}

/** What is neither used nor held. */
export function remaining(limit: LimitCheck, taken: number): number {
  return Math.max(0, limit.max - taken);
}

function nameOf(limit: LimitCheck): string {
  const name = `${limit.feature}-${limit.window}`;
  return limit.scope === 'key' ? `${name}-key` : name;
}
