// Notices as operators see them, and kept mail as it was sent. Changes nothing.
import type { Context } from '../../context.ts';
import type { Mail } from '../../domain/notice-text.ts';
import type { Notice } from '../../generated/prisma/client.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';

const keptShownMax = 1_000;

export type NoticeFilter = {
  customer_id?: string | undefined;
  state?: string | undefined;
  kind?: string | undefined;
};

/** Newest first. */
export async function listNotices(ctx: Context, query: Page & NoticeFilter) {
  const { customer_id, state, kind } = query;
  const rows = await ctx.db.notice.findMany({
    where: {
      ...afterCursor(query),
      ...(customer_id ? { customer_id } : {}),
      ...(state ? { state } : {}),
      ...(kind ? { kind } : {}),
    },
    ...pageArguments(query),
  });
  return toPage(rows, query, view);
}

export type KeptMail = Mail & {
  id: string;
  to: string;
  kind: string;
  at: string;
  created_at: string;
};

/** What was sent, newest first; only where mail is kept. `at` is business time, `created_at` machine time. */
export async function listKeptMail(ctx: Context): Promise<KeptMail[]> {
  const { rows } = await ctx.pool.query<{
    id: string; recipient: string; kind: string; at: Date; created_at: Date; mail: Mail;
  }>(
    `SELECT id, recipient, kind, at, created_at, mail FROM notice WHERE mail IS NOT NULL
     ORDER BY at DESC, id DESC LIMIT ${keptShownMax}`,
  ); // prettier-ignore
  return rows.map(({ id, recipient, kind, at, created_at, mail }) => ({
    id,
    to: recipient,
    kind,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    at: at.toISOString(),
    created_at: created_at.toISOString(),
  }));
}

function view(row: Notice) {
  return {
    id: row.id,
    kind: row.kind,
    key: row.key,
    customer_id: row.customer_id,
    subscription_id: row.subscription_id,
    to: row.recipient,
    state: row.state,
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
    last_error: row.last_error,
    at: row.at.toISOString(),
    sent_at: row.sent_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
