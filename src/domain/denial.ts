// Every way the check can say no or "could not tell": data, each with its status, title and the actions that
// would help. Texts name no person and no key, and are ASCII, since they travel in headers.

export type DenialCode = keyof typeof denials;
export type ActionId =
  'update_payment_method' | 'pay_invoice' | 'upgrade' | 'subscribe' | 'resume' | 'wait';

type Denial = { status: 401 | 402 | 403 | 429 | 503; title: string; actions: ActionId[] };

export const denials = {
  key_missing: { status: 401, title: 'An API key is needed', actions: [] },
  key_invalid: { status: 401, title: 'This API key is not valid', actions: [] },
  no_subscription: { status: 402, title: 'A subscription is needed', actions: ['subscribe'] },
  payment_incomplete: {
    status: 402,
    title: 'The first payment is not complete',
    actions: ['pay_invoice', 'subscribe'],
  },
  trial_ended: {
    status: 402,
    title: 'The trial has ended',
    actions: ['update_payment_method', 'subscribe'],
  },
  payment_past_due: {
    status: 402,
    title: 'A payment is past due',
    actions: ['update_payment_method', 'pay_invoice'],
  },
  subscription_paused: {
    status: 402,
    title: 'The subscription is paused',
    actions: ['resume'],
  },
  subscription_canceled: {
    status: 402,
    title: 'The subscription was canceled',
    actions: ['subscribe'],
  },
  feature_not_in_plan: {
    status: 402,
    title: 'The plan does not include this',
    actions: ['upgrade'],
  },
  quota_exhausted: { status: 402, title: 'The quota is used up', actions: ['upgrade', 'wait'] },
  spend_cap_reached: {
    status: 402,
    title: 'The spend cap is reached',
    actions: ['upgrade', 'wait'],
  },
  path_ambiguous: { status: 403, title: 'The path can be read in two ways', actions: [] },
  route_denied: { status: 403, title: 'This route is closed', actions: [] },
  key_scope: { status: 403, title: 'This API key may not be used for that', actions: [] },
  customer_blocked: { status: 403, title: 'This customer is blocked', actions: [] },
  rate_limited: { status: 429, title: 'Too many calls', actions: ['wait'] },
  unverifiable: { status: 503, title: 'Access could not be verified', actions: [] },
  gateway_unauthorized: { status: 503, title: 'The gateway is not recognised', actions: [] },
} as const satisfies Record<string, Denial>;

/** Whether the same call may succeed later without anybody doing anything. */
export function isRetryable(code: DenialCode): boolean {
  const { status } = denials[code];
  return status === 429 || status === 503;
}
