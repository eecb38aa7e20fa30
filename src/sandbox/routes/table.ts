// The API's table of contents: every endpoint the sandbox has.
import type { Endpoint } from '../api/endpoint.ts';
import { accountEndpoints } from './account.ts';
import { checkoutEndpoints } from './checkout.ts';
import { couponEndpoints } from './coupon.ts';
import { customerEndpoints } from './customer.ts';
import { eventEndpoints } from './event.ts';
import { invoiceEndpoints } from './invoice.ts';
import { paymentEndpoints } from './payment.ts';
import { paymentMethodEndpoints } from './payment-method.ts';
import { portalEndpoints } from './portal.ts';
import { priceEndpoints } from './price.ts';
import { productEndpoints } from './product.ts';
import { scheduleEndpoints } from './schedule.ts';
import { subscriptionEndpoints } from './subscription.ts';
import { subscriptionItemEndpoints } from './subscription-item.ts';
import { testClockEndpoints } from './test-clock.ts';

export const endpoints: Endpoint[] = [
  ...accountEndpoints,
  ...checkoutEndpoints,
  ...couponEndpoints,
  ...customerEndpoints,
  ...eventEndpoints,
  ...invoiceEndpoints,
  ...paymentEndpoints,
  ...paymentMethodEndpoints,
  ...portalEndpoints,
  ...priceEndpoints,
  ...productEndpoints,
  ...scheduleEndpoints,
  ...subscriptionEndpoints,
  ...subscriptionItemEndpoints,
  ...testClockEndpoints,
];
