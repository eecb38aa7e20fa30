// The API's table of contents: every endpoint the sandbox has.
import type { Endpoint } from '../api/endpoint.ts';
import { accountEndpoints } from './account.ts';
import { balanceEndpoints } from './balance.ts';
import { cashEndpoints } from './cash.ts';
import { chargeEndpoints } from './charge.ts';
import { checkoutEndpoints } from './checkout.ts';
import { couponEndpoints } from './coupon.ts';
import { creditNoteEndpoints } from './credit-note.ts';
import { customerEndpoints } from './customer.ts';
import { disputeEndpoints } from './dispute.ts';
import { entitlementEndpoints } from './entitlement.ts';
import { eventEndpoints } from './event.ts';
import { invoiceItemEndpoints } from './invoice-item.ts';
import { invoiceEndpoints } from './invoice.ts';
import { meterV2Endpoints } from './meter-v2.ts';
import { meterEndpoints } from './meter.ts';
import { paymentIntentEndpoints } from './payment-intent.ts';
import { paymentMethodEndpoints } from './payment-method.ts';
import { planEndpoints } from './plan.ts';
import { portalEndpoints } from './portal.ts';
import { priceEndpoints } from './price.ts';
import { productEndpoints } from './product.ts';
import { quoteEndpoints } from './quote.ts';
import { refundEndpoints } from './refund.ts';
import { scheduleEndpoints } from './schedule.ts';
import { searchEndpoints } from './search.ts';
import { setupIntentEndpoints } from './setup-intent.ts';
import { sourceEndpoints } from './source.ts';
import { subscriptionItemEndpoints } from './subscription-item.ts';
import { subscriptionEndpoints } from './subscription.ts';
import { taxEndpoints } from './tax.ts';
import { testClockEndpoints } from './test-clock.ts';
import { tokenEndpoints } from './token.ts';

export const endpoints: Endpoint[] = [
  // Before the lists, whose `:id` would be `search`.
  ...searchEndpoints,
  ...accountEndpoints,
  ...balanceEndpoints,
  ...cashEndpoints,
  ...chargeEndpoints,
  ...checkoutEndpoints,
  ...couponEndpoints,
  ...creditNoteEndpoints,
  ...customerEndpoints,
  ...disputeEndpoints,
  ...entitlementEndpoints,
  ...eventEndpoints,
  ...invoiceEndpoints,
  ...invoiceItemEndpoints,
  ...meterEndpoints,
  ...meterV2Endpoints,
  ...paymentIntentEndpoints,
  ...paymentMethodEndpoints,
  ...planEndpoints,
  ...portalEndpoints,
  ...priceEndpoints,
  ...productEndpoints,
  ...quoteEndpoints,
  ...refundEndpoints,
  ...scheduleEndpoints,
  ...setupIntentEndpoints,
  ...sourceEndpoints,
  ...subscriptionEndpoints,
  ...subscriptionItemEndpoints,
  ...taxEndpoints,
  ...testClockEndpoints,
  ...tokenEndpoints,
];
