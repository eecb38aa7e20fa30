// A circuit breaker: after some failures in a row nobody is made to wait for an answer that will not come; one call
// at a time finds out whether it comes again. Knows nothing of what is called.

export type Breaker = {
  /** Whether to try. A true one must be followed by `succeeded` or `failed`. */
  mayTry(): boolean;
  succeeded(): void;
  failed(): void;
};

/** Opens after `failures` in a row, for `coolDownMs` each time. */
export function createBreaker(options: {
  failures: number;
  coolDownMs: number;
  now: () => number;
}): Breaker {
  const { failures, coolDownMs, now } = options;
  let inARow = 0;
  let openUntil = 0;

  return {
    mayTry(): boolean {
      if (inARow < failures) return true;
      if (now() < openUntil) return false;
      // The one that finds out; the others are turned away until it has.
      openUntil = now() + coolDownMs;
      return true;
    },
    succeeded(): void {
      inARow = 0;
    },
    failed(): void {
      inARow += 1;
      openUntil = now() + coolDownMs;
    },
  };
}
