// How long a gateway may keep a decision for the same credential, method and path. Says nothing about anybody else:
// clients and caches on the way keep none.
import type { Allow } from '../domain/entitlement.ts';

const allowSeconds = 5;
const soonSeconds = 1;
const denySeconds = 2;

/** What is counted is asked every time; what may end at any moment is asked again soon. */
export function allowLifetime({ cost, limits, grade }: Allow, isDegraded: boolean): string {
  if (cost > 0 && limits.length > 0) return '0';
  return String(isDegraded || grade !== 'full' ? soonSeconds : allowSeconds);
}

/** Short, so that who has just paid is let through; none where nothing was decided. */
export function denyLifetime(status: number): string {
  if (status === 503) return '0';
  return String(status === 429 ? soonSeconds : denySeconds);
}
