// What an audit of the configuration can find: a table from each code to its severity, why it matters and the change
// that mends it. docs/audit.md shows the same table (a test compares them). Looks at nothing itself.

export type Severity = 'error' | 'warning' | 'info';

type Kind = { severity: Severity; why: string; mend: string };

/** In the order in which findings of one severity are told. */
export const findingKinds = {
  free_route_unreachable: {
    severity: 'error',
    why: 'Who calls it is asked for a key or for money, although it was meant to be free.',
    mend: 'Delete the free policy, or narrow those that decide its calls.',
  },
  default_plan_missing: {
    severity: 'error',
    why: 'Customers without a subscription are decided as if on it: where it is not there they get 402, where it is archived what nobody can subscribe to.',
    mend: 'PATCH /settings with a default_plan that is offered, or null.',
  },
  feature_without_plan: {
    severity: 'error',
    why: 'No plan opens these routes: each call of theirs is a 402 that no payment cures.',
    mend: 'PATCH a plan to list the feature, or change the feature that the route policies name.',
  },
  price_gone: {
    severity: 'error',
    why: 'Nobody can subscribe to the plan.',
    mend: 'PATCH the plan with another price: its next version gets a new one at Stripe.',
  },
  price_inactive: {
    severity: 'error',
    why: 'Stripe refuses new subscriptions at a price that is not active.',
    mend: 'Activate the price at Stripe, or PATCH the plan with another price.',
  },
  price_changed: {
    severity: 'error',
    why: 'Stripe charges something else than the plan says.',
    mend: 'PATCH the plan with another price: its next version gets a new one at Stripe.',
  },
  webhook_endpoint_missing: {
    severity: 'error',
    why: 'Stripe does not tell of payments and cancellations: access follows only with the daily reconciliation.',
    mend: 'Add the endpoint at Stripe and its secret to STRIPE_WEBHOOK_SECRET, or correct PUBLIC_URL. `stripe listen` on a developer machine forwards without an endpoint: there this can stay.',
  },
  webhook_endpoint_disabled: {
    severity: 'error',
    why: 'Stripe does not tell of payments and cancellations: access follows only with the daily reconciliation.',
    mend: 'Enable the endpoint at Stripe.',
  },
  webhook_events_missing: {
    severity: 'error',
    why: 'What these events would tell is known only after the daily reconciliation.',
    mend: 'Add the event types to the endpoint at Stripe, or let it send all of them (*).',
  },
  ladder_denies_unannounced: {
    severity: 'error',
    why: 'The customer learns that a payment failed when access is already gone.',
    mend: 'Begin the ladder with full or warn, and deny in a later step.',
  },
  free_route_shadowed: {
    severity: 'warning',
    why: 'The first literal from the left decides, so a pattern takes calls that read as free: the usual cause of a wrong 402.',
    mend: 'Add a free policy for the very calls, or narrow the pattern.',
  },
  paid_feature_in_free_plan: {
    severity: 'warning',
    why: 'Nobody has to pay for these routes: who pays nothing may call them without end.',
    mend: 'Take the feature from the free plan, give it a limit there, or make the routes access: key.',
  },
  limits_contradict: {
    severity: 'warning',
    why: 'The limit of the shorter window can never be reached: the longer one denies first.',
    mend: 'Lower the limit of the shorter window, or raise that of the longer one.',
  },
  plan_without_version: {
    severity: 'warning',
    why: 'Its price was never confirmed by Stripe, so nobody can subscribe to it.',
    mend: 'POST /plans again with the same key.',
  },
  ladder_outlives_retries: {
    severity: 'warning',
    why: 'Nobody tries to collect any more, and the customer is still served.',
    mend: 'Deny by the time of the last retry. Stripe does not say how long it retries: where its Smart Retries are set to more than the usual two weeks, this can stay.',
  },
  manage_key_without_expiry: {
    severity: 'warning',
    why: 'Who finds the key may change subscriptions and make further keys, for ever.',
    mend: 'POST /keys/{id}/rotation, or replace it with a key that has expires_at.',
  },
  free_route_excepted: {
    severity: 'info',
    why: 'Below a free pattern some calls cost. That is how exceptions are written; make sure that they are meant.',
    mend: 'Nothing, where it is meant; else delete the exception.',
  },
  plan_unreachable: {
    severity: 'info',
    why: 'Only an operator can put somebody on the plan, and nobody is on it.',
    mend: 'PATCH the plan with public: true, or with archived: true.',
  },
  stripe_not_asked: {
    severity: 'info',
    why: 'Says nothing about the configuration: Stripe did not answer, or the key may not read this.',
    mend: 'Ask again; a restricted key needs to read prices and webhook endpoints.',
  },
  audit_incomplete: {
    severity: 'info',
    why: 'An audit is bounded: what is beyond was not looked at, or not told.',
    mend: 'Mend what is told, then ask again.',
  },
} as const satisfies Record<string, Kind>;

export type FindingCode = keyof typeof findingKinds;
export const findingCodes = Object.keys(findingKinds) as [FindingCode, ...FindingCode[]];

/** `subject` names what is meant as its owner knows it; `detail` says what is the case. */
export type Finding = Kind & { code: FindingCode; subject: string; detail: string };

export function finding(code: FindingCode, subject: string, detail: string): Finding {
  const { severity, why, mend } = findingKinds[code];
  return { code, severity, subject, detail, why, mend };
}

const namedMax = 5;

/** The first few of many, in one line. */
export function nameSome(names: string[]): string {
  const more = names.length - namedMax;
  const named = names.slice(0, namedMax).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
}
