// Makes the mail of a notice: the fields of its kind as they were written, the customer's name and timezone as
// they are now. Sends nothing.
import { senderName } from '../../adapters/mailer.ts';
import type { Context } from '../../context.ts';
import { isNoticeKind, noticeKinds } from '../../domain/notice.ts';
import type { FieldKind } from '../../domain/notice.ts';
import { renderMail } from '../../domain/notice-text.ts';
import type { Field, Fields, Mail } from '../../domain/notice-text.ts';

export type NoticeRow = {
  id: string;
  kind: string;
  customer_id: string | null;
  data: Record<string, Field['value']>;
  /** Of the customer; null for the operator's. */
  email: string | null;
  name: string | null;
  timezone: string | null;
};

/** Throws where the kind is one that this release does not know. */
export function renderNotice(
  ctx: Pick<Context, 'config' | 'templates'>,
  { kind, data, name, timezone }: Pick<NoticeRow, 'kind' | 'data' | 'name' | 'timezone'>,
): Mail {
  if (!isNoticeKind(kind)) throw new Error(`there is no notice of the kind ${kind}`);
  const kinds = Object.entries<FieldKind>(noticeKinds[kind].fields);
  const own = kinds.map(([field, type]): [string, Field] => [
    field,
    { kind: type, value: data[field] ?? null },
  ]);
  const fields: Fields = {
    ...Object.fromEntries(own),
    customer_name: { kind: 'text', value: name },
    account_url: { kind: 'url', value: ctx.config.accountUrl ?? null },
    sender: { kind: 'text', value: senderName(ctx.config.mailFrom) },
  };
  const { layout } = ctx.templates;
  return renderMail({ ...ctx.templates.of(kind), layout }, fields, timezone ?? 'UTC');
}
