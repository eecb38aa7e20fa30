// What is said about a job as data: its name, how often it runs, which rows it works on. Runs nothing.

/** Rows that a job works on: when they are due, and where those that fail are kept. */
export type DueRows = {
  /** Names the rows where they fail; no other job has rows of this kind. */
  kind: string;
  /**
   * SQL for `id` (text) and `due_at` of every row that is due at the business time `$1`. One SELECT that can be
   * locked (no aggregate, no DISTINCT, no outer join), so that what is counted and what is claimed is one thing.
   */
  due: string;
  /** Only for rows that keep their own attempts; without it, failures are kept in the table job_attempt. */
  failed?: {
    /** SQL for `id`, `attempts`, `last_error` and `next_attempt_at` of the rows that failed at least once. */
    rows: string;
    /** SQL that makes the failed row `$1` due now. */
    retry: string;
  };
};

export type DeclaredJob = {
  name: string;
  /** Milliseconds of machine time between two scheduled runs. */
  every: number;
  /** Several where one thing is kept in several tables, none where it only asks others for work. */
  rows: DueRows[];
};

/** A scheduled run: the instant it was scheduled for, and an id that stays when it is handed out again. */
export type Tick = { at: number; id: string };

/** The beginning of the interval that a tick belongs to: one run each, wherever in it the messages lie. */
export function intervalOf(tick: Tick, every: number): Date {
  return new Date(Math.floor(tick.at / every) * every);
}

/** As operators read it: `every 5 s`. */
export function describeSchedule(every: number): string {
  const seconds = every / 1_000;
  return seconds % 60 === 0 ? `every ${seconds / 60} min` : `every ${seconds} s`;
}
