// Moves business time: the offset in one row, which every process hears of. Forward only, and only where the
// configuration allows it; it never touches the machine's clock.
import { inTransaction } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { AppError, invalid, notFound } from '../domain/error.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';

const jobsTimeoutMs = 60_000;
/** Beyond this, dates no longer fit the four digits of RFC 3339 once a few periods are added. */
const farthest = new Date('2999-01-01T00:00:00Z');

export function readClock(ctx: Context): { now: string } {
  if (!ctx.clock.movable) throw notFound();
  return { now: ctx.now().toISOString() };
}

/** Answers once each scheduled job has run at the new time; 409 `clock_backwards` for an earlier one. */
export async function moveClock(
  ctx: Context,
  caller: Caller,
  target: Date,
): Promise<{ now: string }> {
  if (!ctx.clock.movable) throw notFound();
  if (target > farthest)
    throw invalid({ pointer: '/now', detail: 'may not lie beyond the year 2998' });
  await inTransaction(ctx, async (tx) => {
    const [row] = await tx.$queryRaw<
      { offset_ms: bigint }[]
    >`SELECT offset_ms FROM clock FOR UPDATE`;
    const machineMs = Date.now();
    const before = new Date(machineMs + Number(row?.offset_ms ?? 0));
    if (target < before) {
      throw new AppError('clock_backwards', `It is ${before.toISOString()} already.`);
    }
    await tx.clock.update({
      where: { id: 1 },
      data: { offset_ms: target.getTime() - machineMs },
    });
    await audit(tx, target, caller, {
      action: 'clock.move',
      objectId: 'clock',
      before: { now: before.toISOString() },
      after: { now: target.toISOString() },
    });
  });
  await ctx.clock.refresh();
  await ctx.queue.runScheduled(jobsTimeoutMs);
  return { now: ctx.now().toISOString() };
}
