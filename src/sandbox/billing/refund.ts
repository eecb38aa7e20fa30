// Money back to the card it came from (https://docs.stripe.com/refunds). Touches neither the
// invoice nor the subscription that was paid with it.
import { invalid } from '../api/error.ts';
import { add, announce } from '../delivery/event.ts';
import type { Charge, Refund } from '../store/entity-payment.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';

export type RefundAsked = {
  amount?: number | undefined;
  metadata: Metadata;
  reason: string | null;
};

/** Gives back an amount, or all that is left of the charge. */
export const refundCharge = (world: World, charge: Charge, asked: RefundAsked): Refund => {
  const left = charge.amount - charge.amount_refunded;
  const amount = asked.amount ?? left;
  refuse(world, charge, amount, left);
  const clock =
    charge.customer === null ? null : world.store.need('customer', charge.customer).test_clock;
  const made = add(
    world,
    'refund',
    {
      id: newId('re'),
      object: 'refund',
      amount,
      charge: charge.id,
      created: nowOn(world, clock),
      currency: charge.currency,
      metadata: asked.metadata,
      payment_intent: charge.payment_intent,
      ...{
        reason: asked.reason,
        destination_details: {
          card: {
            reference_status: 'pending',
            reference_type: 'acquirer_reference_number',
            type: 'refund',
          },
          type: 'card',
        },
      },
    },
    'refund.created',
  );
  const refunded = world.store.update('charge', charge.id, {
    amount_refunded: charge.amount_refunded + amount,
    refunded: charge.amount_refunded + amount === charge.amount,
  });
  announce(world, 'charge.refunded', refunded);
  return made;
};

const refuse = (world: World, charge: Charge, amount: number, left: number): void => {
  if (charge.status !== 'succeeded') {
    throw invalid(`Charge ${charge.id} has not succeeded and cannot be refunded.`, {
      code: 'charge_not_refundable',
    });
  }
  if (charge.refunded || left === 0) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (charge.captured === false) {
    throw invalid(
      `Charge ${charge.id} has not been captured. Cancel its PaymentIntent, or capture it first.`,
      { code: 'charge_not_refundable' },
    );
  }
  if (amount > left) {
    throw invalid(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
      { param: 'amount' },
    );
  }
  const disputes = [...world.store.all('dispute')].filter((row) => row.charge === charge.id);
  if (disputes.some((row) => !row.is_charge_refundable && row.status !== 'won')) {
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    });
  }
};
