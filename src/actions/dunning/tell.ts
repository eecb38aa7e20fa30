// What a debtor is told: one notice per step of one debt, with what is owed and what comes next. Sends nothing itself.
import type { Tx } from '../../adapters/postgres.ts';
import { dueAt, stepsOf } from '../../domain/dunning.ts';
import type { DunningNotice } from '../../domain/dunning.ts';
import { noticeKinds } from '../../domain/notice.ts';
import type { NoticeData } from '../../domain/notice.ts';
import type { LadderAccess } from '../../domain/plan.ts';
import type { Dunning, Invoice } from '../../generated/prisma/client.ts';
import { notify } from '../notice/notify.ts';
import type { Debtor } from './debt.ts';

type Told = { debt: Dunning; debtor: Debtor; invoice: Invoice | null; now: Date };
type Kind = DunningNotice | 'payment_recovered';

/** Once per debt and step, however often it is called. The end of a debt is a step as well: `ended`. */
export async function tellDebtor(
  tx: Tx,
  told: Told,
  { kind, step }: { kind: Kind; step: string },
): Promise<void> {
  const { debt, now } = told;
  const known = knownOf(told);
  const names = Object.keys(noticeKinds[kind].fields) as (keyof typeof known)[];
  const data = Object.fromEntries(names.map((name) => [name, known[name]]));
  await notify(tx, {
    kind,
    customerId: debt.customer_id,
    subscriptionId: debt.subscription_id,
    key: `dunning-${debt.id}-${step}`,
    at: now,
    data: data as NoticeData<Kind>,
  });
}

/** The fields of all the notices of dunning; each takes its own. */
function knownOf({ debt, debtor, invoice, now }: Told) {
  const steps = stepsOf(debtor.ladder ?? []);
  const whenAccess = (access: LadderAccess) => {
    const step = steps.find((candidate) => candidate.access === access);
    return step ? new Date(dueAt(step, debt.past_due_since.getTime())) : null;
  };
  return {
    plan: debtor.plan_name,
    amount: invoice && { amount: Number(invoice.amount_due), currency: invoice.currency },
    pay_url: invoice?.hosted_invoice_url ?? null,
    next_attempt_at: invoice?.next_payment_attempt ?? null,
    read_only_at: whenAccess('read_only'),
    denied_at: whenAccess('deny'),
    canceled_at: whenAccess('cancel'),
    ended_at: now,
  };
}
