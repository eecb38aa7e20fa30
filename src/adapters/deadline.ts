// Puts a bound on a wait. Does not stop the work itself: whoever needs that passes a signal.

/** What `work` resolves to, or `late()` once `ms` milliseconds are over. */
export function withinOr<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

/** What `work` resolves to, or a rejection once `ms` milliseconds are over. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
