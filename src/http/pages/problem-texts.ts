// What each error means and what to do about it, for people: the titles of problem bodies and the pages at
// /problems/{code}. The check's denials have titles of their own (domain/denial.ts); their advice is here too.
import type { DenialCode } from '../../domain/denial.ts';
import type { ErrorCode } from '../../domain/error.ts';

export type ProblemText = { title: string; meaning: string; remedy: string };

export const problemTexts: Record<ErrorCode, ProblemText> = {
  invalid_json: {
    title: 'The body is not valid JSON',
    meaning: 'The request announced JSON, but its body could not be read as such.',
    remedy: 'Send UTF-8 JSON whose length matches Content-Length.',
  },
  invalid_signature: {
    title: 'The signature does not match',
    meaning:
      'The webhook was not signed with a secret we know, or too long ago, or its body was changed on the way.',
    remedy:
      'Compare STRIPE_WEBHOOK_SECRET with the endpoint at Stripe, and pass the raw body through unchanged.',
  },
  invalid_event: {
    title: 'This is no event we can take',
    meaning:
      'The signature is right, but the event is malformed or of the other mode (live or test).',
    remedy: 'Point the endpoint of the right mode at this system.',
  },
  unauthorized: {
    title: 'A credential is needed',
    meaning: 'No Bearer credential was sent, or it is unknown, revoked or over.',
    remedy:
      'Send Authorization: Bearer with an operator token, a customer session or an API key with the scope "manage".',
  },
  gateway_unauthorized: {
    title: 'The gateway is not recognised',
    meaning: 'X-Gateway-Token is missing or not one of those configured.',
    remedy: 'Configure the gateway with one of the tokens in GATEWAY_TOKENS.',
  },
  payment_failed: {
    title: 'The payment failed',
    meaning:
      'Stripe could not take the money. What was asked for has not happened; the plan before still serves.',
    remedy: 'Change the payment method and try again, or pay the invoice named in invoice_id.',
  },
  forbidden: {
    title: 'Not with this credential',
    meaning: 'The credential is valid, but of a kind that may not do this.',
    remedy: 'Use the credential the documentation of this operation names.',
  },
  not_found: {
    title: 'Not found',
    meaning: 'It does not exist, or it belongs to somebody else: we do not say which.',
    remedy: 'Check the path and the id, and whose credential you sent.',
  },
  method_not_allowed: {
    title: 'Not with this method',
    meaning: 'The path exists, but does not take this method.',
    remedy: 'Use one of the methods in the Allow header.',
  },
  subscription_exists: {
    title: 'There is a subscription already',
    meaning: 'A customer has one live subscription, and this one has a paid one.',
    remedy: 'Change the subscription with PATCH instead of making another.',
  },
  plan_exists: {
    title: 'This plan exists already',
    meaning: 'The key names a plan that is there.',
    remedy: 'Change it with PATCH, or choose another key.',
  },
  plan_in_use: {
    title: 'This plan is in use',
    meaning: 'Something else relies on the plan, such as the setting default_plan.',
    remedy: 'Point what relies on it at another plan first.',
  },
  access_loss: {
    title: 'Paying customers would lose access',
    meaning:
      'The configuration was not applied: calls that pass now would be denied to customers who pay. They are listed in losses.',
    remedy:
      'Change the configuration, move the customers first, or send allow_loss where it is meant.',
  },
  configuration_changed: {
    title: 'Something else runs by now',
    meaning:
      'The configuration was changed after the difference was looked at. Nothing was applied.',
    remedy: 'Preview again, look at the difference, and apply with the new fingerprint.',
  },
  route_conflict: {
    title: 'Two policies would tie',
    meaning:
      'Another route policy has the same method and the same path but for the names of its parameters.',
    remedy: 'Change the policy named in conflicts_with, or make this one more specific.',
  },
  customer_conflict: {
    title: 'The customer conflicts with another',
    meaning: 'Another customer holds what must be unique.',
    remedy: 'Look the other customer up by external_id.',
  },
  stripe_customer_conflict: {
    title: 'The Stripe customer is taken',
    meaning: 'A Stripe customer belongs to exactly one customer here, for good.',
    remedy: 'Link another Stripe customer, or use the customer that has it.',
  },
  purchase_in_flight: {
    title: 'A purchase is under way',
    meaning: 'Another request is buying for this customer right now.',
    remedy: 'Wait for it to end and look at the subscription before trying again.',
  },
  invalid_state: {
    title: 'Not in this state',
    meaning: 'The thing exists, but what was asked cannot be done to it as it is now.',
    remedy: 'Read it again: the detail says what is in the way.',
  },
  idempotency_in_flight: {
    title: 'The same request is under way',
    meaning: 'A request with this Idempotency-Key has not been answered yet.',
    remedy: 'Try again in some seconds with the same key.',
  },
  clock_backwards: {
    title: 'Time only goes forward',
    meaning: 'The test clock was asked to go to an instant that has passed.',
    remedy: 'Name a later instant.',
  },
  body_too_large: {
    title: 'The body is too large',
    meaning: 'Bodies may have up to 1 MiB.',
    remedy: 'Send less at once.',
  },
  unsupported_media_type: {
    title: 'This content type is not taken',
    meaning: 'Bodies are application/json in UTF-8, not compressed.',
    remedy: 'Send Content-Type: application/json.',
  },
  validation_failed: {
    title: 'The input is not valid',
    meaning: 'One or more fields are wrong, missing or unknown. Nothing was changed.',
    remedy: 'Each entry of errors points at a field and says what it should be.',
  },
  idempotency_mismatch: {
    title: 'The Idempotency-Key was used before',
    meaning: 'The same key came with another body less than a day ago.',
    remedy: 'Use a new key for each new request.',
  },
  currency_mismatch: {
    title: 'The currencies differ',
    meaning: 'Stripe bills one customer in one currency, and this would be another.',
    remedy: 'Choose a plan in the currency of the subscription before.',
  },
  too_many_requests: {
    title: 'Too many requests',
    meaning: 'More was asked than we take at once.',
    remedy: 'Wait for the seconds in Retry-After.',
  },
  internal: {
    title: 'Something failed on our side',
    meaning: 'An error nobody foresaw. Nothing was left half done.',
    remedy: 'Try again; if it stays, report the instance.',
  },
  stripe_unavailable: {
    title: 'Stripe cannot be reached',
    meaning: 'What was asked needs Stripe, which did not answer. It can be repeated without harm.',
    remedy: 'Try again after the seconds in Retry-After.',
  },
  unavailable: {
    title: 'Not available now',
    meaning: 'The database or the jobs worker could not be reached.',
    remedy: 'Try again after the seconds in Retry-After.',
  },
};

/** Meaning and remedy of the check's denials; the one shared code reads the same in both. */
export const denialTexts: Record<DenialCode, Omit<ProblemText, 'title'>> = {
  key_missing: {
    meaning: 'This route needs an API key, and the call carried none.',
    remedy: 'Send the key as X-API-Key, or as Authorization: Bearer.',
  },
  key_invalid: {
    meaning: 'The key is unknown, mistyped, revoked or expired.',
    remedy: 'Use a key that is valid, or make a new one.',
  },
  no_subscription: {
    meaning: 'The customer has no subscription.',
    remedy: 'Subscribe to a plan.',
  },
  payment_incomplete: {
    meaning: 'The subscription waits for its first payment.',
    remedy: 'Complete the payment, or subscribe anew once it has expired.',
  },
  trial_ended: {
    meaning: 'The trial is over and nothing was paid.',
    remedy: 'Add a payment method and subscribe.',
  },
  payment_past_due: {
    meaning: 'An invoice was not paid in time. Within its grace the plan may still allow reading.',
    remedy: 'Change the payment method and pay the open invoice: access returns within a second.',
  },
  subscription_paused: {
    meaning: 'The subscription is paused.',
    remedy: 'Resume it.',
  },
  subscription_canceled: {
    meaning: 'The subscription was canceled and its time is over.',
    remedy: 'Subscribe again.',
  },
  feature_not_in_plan: {
    meaning: 'The plan does not include the feature this route needs.',
    remedy: 'Upgrade to a plan that includes it.',
  },
  quota_exhausted: {
    meaning: 'The units the plan includes are used up.',
    remedy: 'Upgrade, or wait until resets_at.',
  },
  spend_cap_reached: {
    meaning: 'The customer set a cap on spending, and this call would go beyond it.',
    remedy: 'Raise the cap, upgrade, or wait for the next period.',
  },
  path_ambiguous: {
    meaning:
      'The path holds an encoded slash, a backslash, a malformed escape or came twice: servers could read it differently.',
    remedy: 'Write the path plainly.',
  },
  route_denied: {
    meaning: 'The operator closed this route to everybody.',
    remedy: 'Nothing a customer can do opens it.',
  },
  key_scope: {
    meaning: 'The key is valid, but its scopes do not cover this.',
    remedy: 'Use a key with the scope call, or call:{feature} for this feature.',
  },
  customer_blocked: {
    meaning: 'The operator blocked this customer.',
    remedy: 'Talk to the operator.',
  },
  rate_limited: {
    meaning: 'Too many calls in a short time. Nothing needs to be paid.',
    remedy: 'Wait for the seconds in Retry-After.',
  },
  unverifiable: {
    meaning: 'Whether the call may pass could not be told now. That is our trouble, not yours.',
    remedy: 'Try again after the seconds in Retry-After.',
  },
  gateway_unauthorized: {
    meaning: 'The gateway in front of the API did not identify itself to us.',
    remedy: 'The operator must give the gateway one of the tokens in GATEWAY_TOKENS.',
  },
};
