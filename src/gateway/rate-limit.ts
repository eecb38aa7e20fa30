// The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-11: the policies that apply, and the one
// nearest to its end. Names are `feature-window`, which need no escaping.
import type { LimitCheck } from '../domain/entitlement.ts';

export function rateLimitPolicy(limits: LimitCheck[]): string {
  return limits
    .map(
      (limit) =>
        `"${nameOf(limit)}";q=${limit.max};w=${Math.round((limit.end - limit.start) / 1000)}`,
    )
    .join(', ');
}

/** `used` per limit; `full` the one that refused, which is then the nearest. */
export function rateLimit(
  limits: LimitCheck[],
  used: number[],
  full: LimitCheck | null,
  now: number,
): string | null {
  let nearest = -1;
  let share = Infinity;
  limits.forEach((limit, index) => {
    const left =
      limit === full ? -1 : limit.max === 0 ? 0 : remaining(limit, used[index]!) / limit.max;
    if (left < share) [nearest, share] = [index, left];
  });
  const limit = limits[nearest];
  if (!limit) return null;
  return `"${nameOf(limit)}";r=${remaining(limit, used[nearest]!)};t=${secondsUntil(limit.end, now)}`;
}

/** Whole seconds, rounded up: who waits them is not early. */
export function secondsUntil(end: number, now: number): number {
  return Math.max(1, Math.ceil((end - now) / 1000));
}

export function remaining(limit: LimitCheck, used: number): number {
  return Math.max(0, limit.max - used);
}

function nameOf(limit: LimitCheck): string {
  return `${limit.feature}-${limit.window}`;
}
