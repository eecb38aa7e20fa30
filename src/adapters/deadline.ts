// Puts a bound on a wait. Does not stop the work itself: whoever needs that passes a signal.

/** What `work` resolves to, or a rejection once `ms` milliseconds are over. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
