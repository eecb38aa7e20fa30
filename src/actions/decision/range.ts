// Spans of business time cut into buckets of UTC, as many as somebody can look at.
import { invalid } from '../../domain/error.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `width` is that of the counts it is made of: minutes are not kept for long. */
const buckets = {
  minute: { ms: minuteMs, max: 1_440, usual: 60, width: 'minute' },
  hour: { ms: hourMs, max: 744, usual: 24, width: 'hour' },
  day: { ms: dayMs, max: 400, usual: 30, width: 'hour' },
} as const;

export type Bucket = keyof typeof buckets;
export type Range = { bucket: Bucket; width: 'minute' | 'hour'; since: Date; until: Date };

/** From the beginning of the first bucket to the end of the last. */
export function readRange(
  { bucket, since, until }: { bucket: Bucket; since?: Date | undefined; until?: Date | undefined },
  now: Date,
): Range {
  const { ms, max, usual, width } = buckets[bucket];
  const end = Math.ceil(((until ?? now).getTime() + (until ? 0 : 1)) / ms) * ms;
  const start = since ? Math.floor(since.getTime() / ms) * ms : end - usual * ms;
  if (start >= end) throw invalid({ pointer: '/since', detail: 'must be before until' });
  if (end - start > max * ms) {
    throw invalid({ pointer: '/since', detail: `must be at most ${max} of this bucket before until` }); // prettier-ignore
  }
  return { bucket, width, since: new Date(start), until: new Date(end) };
}

export function bucketsOf({ bucket, since, until }: Range): Date[] {
  const { ms } = buckets[bucket];
  const count = (until.getTime() - since.getTime()) / ms;
  return Array.from({ length: count }, (_, at) => new Date(since.getTime() + at * ms));
}
