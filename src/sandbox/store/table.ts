// The table of tables: every kind of row the sandbox keeps, by Stripe's object name.
// Adding a resource begins here.
import type * as Core from './entity.ts';
import type * as Catalog from './entity-catalog.ts';
import type * as Entitlement from './entity-entitlement.ts';
import type * as Invoice from './entity-invoice.ts';
import type * as Metering from './entity-meter.ts';
import type * as Payment from './entity-payment.ts';
import type * as Quoting from './entity-quote.ts';
import type * as Session from './entity-session.ts';
import type * as Subscription from './entity-subscription.ts';

export type Tables = {
  customer: Core.Customer;
  product: Catalog.Product;
  price: Catalog.Price;
  coupon: Catalog.Coupon;
  promotion_code: Catalog.PromotionCode;
  discount: Catalog.Discount;
  tax_rate: Catalog.TaxRate;
  quote: Quoting.Quote;
  'entitlements.feature': Entitlement.Feature;
  'entitlements.active_entitlement': Entitlement.ActiveEntitlement;
  product_feature: Entitlement.ProductFeature;
  'billing.meter': Metering.Meter;
  'billing.meter_event': Metering.MeterEvent;
  tax_id: Core.TaxId;
  customer_balance_transaction: Core.BalanceTransaction;
  credit_note: Invoice.CreditNote;
  payment_method: Payment.PaymentMethod;
  token: Payment.Token;
  setup_intent: Payment.SetupIntent;
  payment_intent: Payment.PaymentIntent;
  charge: Payment.Charge;
  refund: Payment.Refund;
  dispute: Payment.Dispute;
  customer_cash_balance_transaction: Payment.CashTransaction;
  subscription: Subscription.Subscription;
  invoice: Invoice.Invoice;
  invoiceitem: Invoice.InvoiceItem;
  invoice_payment: Invoice.InvoicePayment;
  'test_helpers.test_clock': Core.TestClock;
  'checkout.session': Session.CheckoutSession;
  'billing_portal.session': Session.PortalSession;
  'billing_portal.configuration': Session.PortalConfiguration;
  subscription_schedule: Session.SubscriptionSchedule;
  webhook_endpoint: Session.WebhookEndpoint;
  event: Session.StripeEvent;
  delivery: Session.Delivery;
  timer: Session.Timer;
  idempotency_key: Session.StoredAnswer;
  fact: Session.Fact;
  unknown_call: Session.UnknownCall;
};

export type TableName = keyof Tables;
export type AnyRow = Tables[TableName];
