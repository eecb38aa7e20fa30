// How the use of a limit is told: an event per threshold, a mail for the highest. That there is room again is
// mailed only to whom calls were refused.
import type { Tx } from '../../adapters/postgres.ts';
import type { LimitCheck } from '../../domain/limit.ts';
import type { AlertNews } from '../../domain/usage-alert.ts';
import { notify } from '../notice/notify.ts';
import { publish } from './publish.ts';

type UsageNews = { customerId: string; limit: LimitCheck; used: number; news: AlertNews };

/** Returns how many events were published. */
export async function publishUsage(tx: Tx, now: Date, told: UsageNews): Promise<number> {
  const { reached, recoveredFrom } = told.news;
  if (recoveredFrom !== null) await tell(tx, now, told, 'usage.recovered', recoveredFrom);
  for (const threshold of reached) await tell(tx, now, told, 'usage.threshold', threshold);
  const highest = reached.at(-1);
  if (highest !== undefined) await mail(tx, now, told, 'usage_threshold', highest);
  else if (recoveredFrom !== null && recoveredFrom >= 100) {
    await mail(tx, now, told, 'usage_recovered', recoveredFrom);
  }
  return reached.length + (recoveredFrom === null ? 0 : 1);
}

function tell(
  tx: Tx,
  now: Date,
  { customerId, limit, used }: UsageNews,
  type: 'usage.threshold' | 'usage.recovered',
  percent: number,
): Promise<string | null> {
  const data = {
    feature: limit.feature,
    scope: limit.scope,
    window: limit.window,
    window_start: new Date(limit.start).toISOString(),
    resets_at: new Date(limit.end).toISOString(),
    max: limit.max,
    used,
    percent,
  };
  return publish(tx, { customerId, type, at: now, data, key: `${type} ${keyOf(limit, percent)}` });
}

async function mail(
  tx: Tx,
  now: Date,
  { customerId, limit, used }: UsageNews,
  kind: 'usage_threshold' | 'usage_recovered',
  percent: number,
): Promise<void> {
  const { feature, max } = limit;
  const window = limit.window.replace('_', ' ');
  const data = { feature, window, percent, used, max, resets_at: new Date(limit.end) };
  const key = `${kind}-${customerId}-${keyOf(limit, percent)}`;
  await notify(tx, { kind, customerId, key, at: now, data });
}

/** Once per window and limit: a limit that is another may be reached again. */
function keyOf(limit: LimitCheck, percent: number): string {
  return `${limit.counter} ${limit.window} ${new Date(limit.start).toISOString()} ${limit.max} ${percent}`;
}
