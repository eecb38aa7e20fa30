// Writes a notice in the transaction of the step it tells of; a job sends it. One key, one notice, whatever
// crashes and however often the step is taken.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { NoticeData, NoticeKind } from '../../domain/notice.ts';

export type NewNotice<K extends NoticeKind> = {
  kind: K;
  /** Null for the kinds that go to the operator. */
  customerId: string | null;
  subscriptionId?: string | null;
  /** The step, unique among all notices, such as `dunning-{id}-72`. */
  key: string;
  /** Business time of the step. */
  at: Date;
  data: NoticeData<K>;
};

/** Whether it is new. Goes to the address the customer has when it is sent. */
export async function notify<K extends NoticeKind>(tx: Tx, notice: NewNotice<K>): Promise<boolean> {
  const { count } = await tx.notice.createMany({
    data: {
      id: newId('ntc'),
      kind: notice.kind,
      key: notice.key,
      customer_id: notice.customerId,
      subscription_id: notice.subscriptionId ?? null,
      data: notice.data,
      state: 'pending',
      at: notice.at,
      next_attempt_at: notice.at,
    },
    skipDuplicates: true,
  });
  return count === 1;
}
