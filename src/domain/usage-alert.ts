// When the use of a limit is worth telling: each threshold once per window, and that there is room again. Pure.

/** What was told of a limit, in the window that began at `start`. */
export type Alert = { start: number; max: number | null; reached: number };
/** The limit as it is now, in the window that holds now. */
export type Use = { start: number; max: number; used: number };

export type AlertNews = {
  /** Thresholds that are newly reached, lowest first. */
  reached: number[];
  /** The highest threshold that had been reached and no longer is: after a reset, or since the limit is higher. */
  recoveredFrom: number | null;
  /** The highest that holds now; 0: none. */
  now: number;
};

/** `use` null: the limit is gone. Nothing of a window without room for anything (max 0) is told. */
export function alertNews(alert: Alert | null, use: Use | null, thresholds: number[]): AlertNews {
  const told = alert?.reached ?? 0;
  const isReset = alert !== null && use !== null && use.start > alert.start;
  const holds = use && use.max > 0 ? thresholds.filter((t) => use.used * 100 >= t * use.max) : [];
  const now = Math.max(0, ...holds);
  const isRecovered = told > 0 && (isReset || now < told);
  // Within one window and limit, what was told stays told, also where a threshold was taken away.
  const isSameLimit = !isReset && alert?.max === use?.max;
  if (isRecovered && isSameLimit && use) return { reached: [], recoveredFrom: null, now: told };
  const from = isRecovered ? (isReset ? 0 : now) : told;
  return {
    reached: holds.filter((threshold) => threshold > from),
    recoveredFrom: isRecovered ? told : null,
    now,
  };
}
