// The table of shapes: every row that can leave, by its object name. Adding a resource means
// adding its line here; what has no line stays inside.
import type { TableName, Tables } from '../store/table.ts';
import type { World } from '../world.ts';
import * as catalog from './catalog.ts';
import { showCreditNote } from './credit-note.ts';
import * as entitlement from './entitlement.ts';
import * as customer from './customer.ts';
import { showDispute } from './dispute.ts';
import * as invoice from './invoice.ts';
import * as payment from './payment.ts';
import { showQuote } from './quote.ts';
import * as session from './session.ts';
import * as subscription from './subscription.ts';
import * as tax from './tax.ts';
import { showToken } from './source.ts';
import { publicPart, type Wire } from './wire.ts';

type Show<T extends TableName> = (world: World, row: Tables[T]) => Wire;
const alone =
  <R>(show: (row: R) => Wire) =>
  (_world: World, row: R): Wire =>
    show(row);

/** A meter's event has no id of its own. */
const showMeterEvent = (event: Tables['billing.meter_event']): Wire => {
  const { id: _id, ...rest } = publicPart(event);
  return rest;
};

const shapes: { [T in TableName]?: Show<T> } = {
  customer: customer.showCustomer,
  payment_method: alone(customer.showPaymentMethod),
  token: alone(showToken),
  setup_intent: alone(customer.showSetupIntent),
  'test_helpers.test_clock': alone(customer.showTestClock),
  product: alone(catalog.showProduct),
  price: alone(catalog.showPrice),
  coupon: alone(catalog.showCoupon),
  promotion_code: alone(catalog.showPromotionCode),
  discount: alone(catalog.showDiscount),
  tax_rate: alone(tax.showTaxRate),
  tax_id: alone(tax.showTaxId),
  customer_balance_transaction: alone(tax.showBalanceTransaction),
  credit_note: showCreditNote,
  payment_intent: alone(payment.showPaymentIntent),
  charge: alone(payment.showCharge),
  refund: alone(payment.showRefund),
  dispute: showDispute,
  customer_cash_balance_transaction: alone((row) => ({
    customer_account: null,
    ...publicPart(row),
  })),
  invoice_payment: alone(payment.showInvoicePayment),
  subscription: subscription.showSubscription,
  subscription_schedule: subscription.showSchedule,
  invoice: invoice.showInvoice,
  quote: showQuote,
  'billing.meter': alone(publicPart),
  'billing.meter_event': alone(showMeterEvent),
  'entitlements.feature': alone(publicPart),
  'entitlements.active_entitlement': alone(publicPart),
  product_feature: entitlement.showProductFeature,
  invoiceitem: invoice.showInvoiceItem,
  'checkout.session': session.showCheckoutSession,
  'billing_portal.session': alone(session.showPortalSession),
  'billing_portal.configuration': alone(session.showPortalConfiguration),
  webhook_endpoint: alone(session.showWebhookEndpoint),
  event: alone((event) => ({ ...publicPart(event), pending_webhooks: 0 })),
};

type Shown = { version: number; wires: Map<object, Wire> };
const shown = new WeakMap<World, Shown>();

/** What was shown since the last change; older wires would only fill memory. */
const shownNow = (world: World): Map<object, Wire> => {
  const version = world.store.version();
  const kept = shown.get(world);
  if (kept?.version === version) return kept.wires;
  const wires = new Map<object, Wire>();
  shown.set(world, { version, wires });
  return wires;
};

/**
 * A row as Stripe shows it, references unexpanded. Shown again while nothing changed, it is the
 * same object, so that the events of one moment share it: never change what this answers.
 */
export const render = (world: World, row: Tables[TableName]): Wire => {
  const wires = shownNow(world);
  const kept = wires.get(row);
  if (kept !== undefined) return kept;
  const show = shapes[row.object] as ((world: World, row: Tables[TableName]) => Wire) | undefined;
  if (show === undefined) throw new Error(`${row.object} has no shape`);
  const wire = show(world, row);
  wires.set(row, wire);
  return wire;
};
