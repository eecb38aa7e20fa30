// Disputes: the customer goes to the bank about a charge (https://docs.stripe.com/disputes/how-disputes-work).
// Opened by test cards, decided by the evidence's words as in Stripe's test mode. Moves no payment intent.
import { invalid } from '../api/error.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { Charge, Dispute, DisputeStatus } from '../store/entity-payment.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import type { DisputeKind } from './card.ts';
import { days } from './period.ts';

const answerDays = 9;

/** An inquiry asks first; any other kind takes the money back at once. */
export const openDispute = (world: World, charge: Charge, kind: DisputeKind): Dispute => {
  const clock =
    charge.customer === null ? null : world.store.need('customer', charge.customer).test_clock;
  const now = nowOn(world, clock);
  const isInquiry = kind === 'inquiry';
  const dispute = add(
    world,
    'dispute',
    {
      id: newId('du'),
      object: 'dispute',
      amount: charge.amount,
      charge: charge.id,
      created: now,
      currency: charge.currency,
      is_charge_refundable: isInquiry,
      livemode: false,
      metadata: {},
      payment_intent: charge.payment_intent,
      reason: isInquiry ? 'fraudulent' : kind,
      status: isInquiry ? 'warning_needs_response' : 'needs_response',
      _evidence: {},
      _submissions: 0,
      _due_by: now + days(answerDays),
      _clock: clock,
    },
    'charge.dispute.created',
  );
  world.store.update('charge', charge.id, { disputed: true });
  if (!isInquiry) announce(world, 'charge.dispute.funds_withdrawn', dispute);
  return dispute;
};

const isOpen = ({ status }: Dispute): boolean =>
  status.endsWith('needs_response') || status.endsWith('under_review');

/** Evidence is kept until it is submitted; then the bank answers at once. */
export const updateDispute = (
  world: World,
  dispute: Dispute,
  asked: { evidence: Record<string, string>; metadata: Metadata; submits: boolean },
): Dispute => {
  const evidence = { ...dispute._evidence, ...asked.evidence };
  const changesEvidence = Object.keys(asked.evidence).length > 0 || asked.submits;
  if (changesEvidence && !isOpen(dispute)) {
    throw invalid('This dispute is already closed');
  }
  const updated = change(
    world,
    'dispute',
    dispute.id,
    { metadata: asked.metadata, _evidence: evidence },
    'charge.dispute.updated',
  );
  if (!asked.submits) return updated;
  return decide(world, updated, verdict(evidence, updated));
};

/** https://docs.stripe.com/testing#evidence */
const verdict = (evidence: Record<string, string>, dispute: Dispute): DisputeStatus => {
  const words = evidence['uncategorized_text'] ?? '';
  const isInquiry = dispute.status.startsWith('warning');
  if (words.includes('winning_evidence')) return isInquiry ? 'warning_closed' : 'won';
  if (words.includes('losing_evidence')) return isInquiry ? 'warning_closed' : 'lost';
  return isInquiry ? 'warning_under_review' : 'under_review';
};

/** Accepts the dispute: the money stays with the customer. */
export const closeDispute = (world: World, dispute: Dispute): Dispute => {
  if (!isOpen(dispute)) throw invalid('This dispute is already closed');
  return decide(
    world,
    dispute,
    dispute.status.startsWith('warning') ? 'warning_closed' : 'lost',
    false,
  );
};

const decide = (world: World, dispute: Dispute, status: DisputeStatus, submits = true): Dispute => {
  const decided = change(
    world,
    'dispute',
    dispute.id,
    { status, _submissions: dispute._submissions + (submits ? 1 : 0) },
    status.endsWith('under_review') ? 'charge.dispute.updated' : undefined,
  );
  if (status.endsWith('under_review')) return decided;
  if (status === 'won') announce(world, 'charge.dispute.funds_reinstated', decided);
  announce(world, 'charge.dispute.closed', decided);
  return decided;
};
