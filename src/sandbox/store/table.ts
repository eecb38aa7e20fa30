// The table of tables: every kind of row the sandbox keeps, by Stripe's object name.
// Adding a resource begins here.
import type * as Billing from './entity.ts';
import type * as Session from './entity-session.ts';

export type Tables = {
  customer: Billing.Customer;
  product: Billing.Product;
  price: Billing.Price;
  coupon: Billing.Coupon;
  promotion_code: Billing.PromotionCode;
  discount: Billing.Discount;
  payment_method: Billing.PaymentMethod;
  setup_intent: Billing.SetupIntent;
  payment_intent: Billing.PaymentIntent;
  charge: Billing.Charge;
  refund: Billing.Refund;
  subscription: Billing.Subscription;
  invoice: Billing.Invoice;
  invoiceitem: Billing.InvoiceItem;
  invoice_payment: Billing.InvoicePayment;
  'test_helpers.test_clock': Billing.TestClock;
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
