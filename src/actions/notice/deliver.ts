// Sends the notices that are due: claimed under a lease by one worker, sent with no transaction open, saved. What
// cannot be sent now is tried again with growing patience; what never can is kept and seen.
import { newId } from '../../adapters/id.ts';
import { isRefusedForGood } from '../../adapters/mailer.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import type { Mail } from '../../domain/notice-text.ts';
import { describeFailure } from '../job-attempt.ts';
import { renderNotice } from './render.ts';
import type { NoticeRow } from './render.ts';

/** Longer than a mail server may take over one batch. */
const leaseSeconds = 180;
const batchSize = 4;
const batchesMax = 1_000;
const minute = 60;
/** Seconds of business time after each failed attempt: given up after some two days. */
const patience = [1, 5, 15, 60, 180, 360, 720, 1_440].map((minutes) => minutes * minute);

/** A retry by hand starts its patience anew. */
export const dueNotices: DueRows = {
  kind: 'notice',
  due: `SELECT n.id, n.next_attempt_at AS due_at FROM notice n WHERE n.state = 'pending' AND n.next_attempt_at <= $1`,
  failed: {
    rows: `SELECT id, attempts, last_error, next_attempt_at FROM notice
      WHERE state IN ('pending', 'failed') AND last_error IS NOT NULL`,
    retry: `UPDATE notice SET state = 'pending', attempts = 0, next_attempt_at = at WHERE id = $1`,
  },
};

type Claimed = NoticeRow & { lease_token: string; attempts: number };
type Outcome = {
  state: 'sent' | 'unsendable' | 'failed' | 'pending';
  to: string | null;
  error?: string;
  mail?: Mail;
};

/** Until nothing is due or the process is to end. */
export async function deliverNotices(ctx: Context): Promise<Record<string, number>> {
  const count = { sent: 0, unsendable: 0, failed: 0, postponed: 0 };
  for (let batch = 0; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const claimed = await claim(ctx);
    for (const notice of claimed) {
      const outcome = await deliver(ctx, notice);
      await save(ctx, notice, outcome);
      count[outcome.state === 'pending' ? 'postponed' : outcome.state] += 1;
    }
    // A server that is away would be asked for each of them in vain.
    if (claimed.length < batchSize || count.postponed > 0) break;
  }
  return count;
}

/** In the order of their steps; the lease is on the database's machine clock. */
async function claim(ctx: Context): Promise<Claimed[]> {
  const { rows } = await ctx.pool.query<Claimed>(
    `WITH due AS (
       SELECT id FROM notice WHERE state = 'pending' AND next_attempt_at <= $1
         AND (lease_until IS NULL OR lease_until < clock_timestamp())
       ORDER BY next_attempt_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
     ), claimed AS (
       UPDATE notice n SET lease_token = $3, lease_until = clock_timestamp() + make_interval(secs => $4)
       FROM due WHERE n.id = due.id RETURNING n.*
     )
     SELECT n.id, n.kind, n.data, n.attempts, n.lease_token, n.customer_id, c.email, c.name, c.timezone
     FROM claimed n LEFT JOIN customer c ON c.id = n.customer_id ORDER BY n.at, n.id`,
    [ctx.now(), batchSize, newId('lease'), leaseSeconds],
  );
  return rows;
}

async function deliver(ctx: Context, notice: Claimed): Promise<Outcome> {
  const to = (notice.customer_id === null ? ctx.config.operatorEmail : notice.email) ?? null;
  if (to === null) return { state: 'unsendable', to, error: 'nobody has given an address' };
  if (!ctx.mailer && !ctx.config.keepMail) {
    return { state: 'unsendable', to, error: 'no mail server is configured (SMTP_URL)' };
  }
  try {
    const mail = renderNotice(ctx, notice);
    await ctx.mailer?.send({ id: notice.id, to, ...mail });
    return { state: 'sent', to, mail };
  } catch (error) {
    const isOver = isRefusedForGood(error) || notice.attempts >= patience.length;
    ctx.log[isOver ? 'error' : 'warn']({ err: error, notice: notice.id }, 'notice not sent');
    return { state: isOver ? 'failed' : 'pending', to, error: describeFailure(error) };
  }
}

async function save(ctx: Context, notice: Claimed, outcome: Outcome): Promise<void> {
  const { state, to, error = null, mail = null } = outcome;
  const now = ctx.now();
  const wait = patience[notice.attempts] ?? 0;
  const next = state === 'pending' ? new Date(now.getTime() + wait * 1000) : null;
  await ctx.pool.query(
    `UPDATE notice SET state = $3, recipient = $4, last_error = $5, attempts = attempts + 1, next_attempt_at = $6,
       mail = $7, sent_at = $8, lease_token = NULL, lease_until = NULL
     WHERE id = $1 AND lease_token = $2`,
    [
      notice.id,
      notice.lease_token,
      state,
      to,
      error,
      next,
      mail && ctx.config.keepMail ? JSON.stringify(mail) : null,
      state === 'sent' ? now : null,
    ],
  );
}
