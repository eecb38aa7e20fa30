// A customer's cash balance: bank transfers come in and pay what waits for them, the oldest first
// (https://docs.stripe.com/payments/customer-balance).
import { add, announce, emit } from '../delivery/event.ts';
import type { CashTransaction, PaymentIntent, PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';
import { succeed, type Outcome } from './payment.ts';

const transferTypes: Record<string, string> = {
  eur: 'eu_bank_transfer',
  gbp: 'gb_bank_transfer',
  jpy: 'jp_bank_transfer',
  mxn: 'mx_bank_transfer',
};
const transferType = (currency: string): string => transferTypes[currency] ?? 'us_bank_transfer';

/** Asks the customer to transfer what the intent is about. */
export const awaitTransfer = (
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
): Outcome => {
  const waiting = world.store.update('payment_intent', intent.id, {
    status: 'requires_action',
    payment_method: method.id,
    _funded: 0,
    ...instructions(world, intent, intent.amount),
  });
  announce(world, 'payment_intent.requires_action', waiting);
  return { kind: 'requires_action', intent: waiting };
};

const instructions = (world: World, intent: PaymentIntent, left: number): object => ({
  next_action: {
    display_bank_transfer_instructions: {
      amount_remaining: left,
      currency: intent.currency,
      hosted_instructions_url: `${world.publicUrl}/transfer/${intent.id}`,
      reference: randomText(12).toUpperCase(),
      type: transferType(intent.currency),
    },
    type: 'display_bank_transfer_instructions',
  },
});

/** What the customer's cash balance holds, by currency. */
export const cashOf = (world: World, customer: string): Record<string, number> => {
  const held: Record<string, number> = {};
  for (const move of world.store.all('customer_cash_balance_transaction')) {
    if (move.customer === customer) held[move.currency] = move.ending_balance;
  }
  return held;
};

const move = (
  world: World,
  customer: Customer,
  currency: string,
  amount: number,
  why: Pick<CashTransaction, 'type' | 'funded' | 'applied_to_payment'>,
): CashTransaction =>
  add(
    world,
    'customer_cash_balance_transaction',
    {
      id: newId('ccsbtxn'),
      object: 'customer_cash_balance_transaction',
      created: nowOn(world, customer.test_clock),
      currency,
      customer: customer.id,
      ending_balance: (cashOf(world, customer.id)[currency] ?? 0) + amount,
      livemode: false,
      net_amount: amount,
      ...why,
    },
    'customer_cash_balance_transaction.created',
  );

export const showCash = (world: World, customer: string): Record<string, unknown> => {
  const held = Object.entries(cashOf(world, customer)).filter(([, amount]) => amount > 0);
  return {
    object: 'cash_balance',
    available: held.length === 0 ? null : Object.fromEntries(held),
    customer,
    customer_account: null,
    livemode: false,
    settings: { reconciliation_mode: 'automatic', using_merchant_default: true },
  };
};

/** A transfer has come in: it pays what waits for it, and the rest stays. */
export const fund = (
  world: World,
  customer: Customer,
  asked: { amount: number; currency: string; reference: string | null },
): CashTransaction => {
  const { amount, currency, reference } = asked;
  const transfer = { reference, type: transferType(currency) };
  const funded = move(world, customer, currency, amount, {
    type: 'funded',
    funded: { bank_transfer: transfer },
  });
  for (const intent of [...world.store.all('payment_intent')]) {
    const isWaiting = intent.status === 'requires_action' && intent._funded !== undefined;
    if (!isWaiting || intent.customer !== customer.id || intent.currency !== currency) continue;
    apply(world, customer, intent);
  }
  const left = cashOf(world, customer.id)[currency] ?? 0;
  if (left > 0) emit(world, 'cash_balance.funds_available', showCash(world, customer.id));
  return funded;
};

const apply = (world: World, customer: Customer, intent: PaymentIntent): void => {
  const held = cashOf(world, customer.id)[intent.currency] ?? 0;
  const missing = intent.amount - (intent._funded ?? 0);
  const part = Math.min(held, missing);
  if (part === 0) return;
  move(world, customer, intent.currency, -part, {
    type: 'applied_to_payment',
    applied_to_payment: { payment_intent: intent.id },
  });
  const partly = world.store.update('payment_intent', intent.id, {
    _funded: (intent._funded ?? 0) + part,
    ...instructions(world, intent, missing - part),
  });
  if (part < missing) announce(world, 'payment_intent.partially_funded', partly);
  else succeed(world, partly, world.store.need('payment_method', intent.payment_method ?? ''));
};
