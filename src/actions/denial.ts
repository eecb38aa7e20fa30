// Says why, and how to fix it: a denial's verdict as the problem (RFC 9457) that leaves us. One line of ASCII,
// no personal data, never a key; every member always there, null where it does not apply.
import type { ActionLinks } from '../adapters/action-link.ts';
import type { Deny, Plans } from '../domain/entitlement.ts';
import type { ActionId, DenialCode } from '../domain/denial.ts';
import { denials, isRetryable } from '../domain/denial.ts';
import type { LimitCheck } from '../domain/limit.ts';
import { betterPlan, describeOffer } from '../domain/offer.ts';

export type ProblemAction = {
  id: ActionId;
  title: string;
  href: string | null;
  until: string | null;
  actor: 'human' | 'any';
};

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: DenialCode;
  retryable: boolean;
  feature: string | null;
  plan: string | null;
  limit: number | null;
  used: number | null;
  remaining: number | null;
  resets_at: string | null;
  decision_id: string;
  data_as_of: string;
  actions: ProblemAction[];
};

/** What a problem is made of; `full` is the limit that refused, `used` and `held` its units. */
export type Denied = {
  verdict: Deny;
  full: LimitCheck | null;
  used: number | null;
  held: number | null;
  decisionId: string;
  asOf: number;
  plans: Plans | null;
};

const titles: Record<ActionId, string> = {
  update_payment_method: 'Update the payment method',
  pay_invoice: 'Pay the open invoice',
  upgrade: 'Upgrade',
  subscribe: 'Subscribe',
  resume: 'Resume the subscription',
  wait: 'Wait',
};

export function buildProblem(publicUrl: string, links: ActionLinks, denied: Denied): Problem {
  const { verdict, full, used, held } = denied;
  const denial = denials[verdict.code];
  return {
    type: `${publicUrl}/problems/${verdict.code}`,
    title: denial.title,
    status: denial.status,
    detail: describe(denied),
    instance: `urn:tollgate:decision:${denied.decisionId}`,
    code: verdict.code,
    retryable: isRetryable(verdict.code),
    feature: verdict.feature,
    plan: verdict.plan?.key ?? null,
    limit: full?.max ?? null,
    used,
    remaining: full && used !== null ? Math.max(0, full.max - used - (held ?? 0)) : null,
    resets_at: full ? instant(full.end) : null,
    decision_id: denied.decisionId,
    data_as_of: instant(denied.asOf),
    actions: denial.actions.flatMap((id) => buildAction(id, links, denied) ?? []),
  };
}

function buildAction(id: ActionId, links: ActionLinks, denied: Denied): ProblemAction | null {
  const { verdict, full, plans } = denied;
  const title = titles[id];
  if (id === 'wait') {
    return { id, title, href: null, until: full ? instant(full.end) : null, actor: 'any' };
  }
  if (verdict.customerId === null) return null;
  const link = { customerId: verdict.customerId, action: id };
  if (id !== 'upgrade') {
    return { id, title, href: links.href({ ...link, plan: null }), until: null, actor: 'human' };
  }
  const offer = plans && betterPlan(plans, verdict.plan, verdict.feature, full);
  if (!offer) return null;
  const href = links.href({ ...link, plan: offer.key });
  return { id, title: `Upgrade to ${describeOffer(offer)}`, href, until: null, actor: 'human' };
}

/** A sentence, or what makes one of this very denial: only the one that is needed is made. */
const details: Record<DenialCode, string | ((denied: Denied) => string)> = {
  key_missing: 'Send an API key in X-API-Key or as a bearer token.',
  key_invalid: 'The API key is unknown, malformed, revoked or expired.',
  no_subscription: 'There is no subscription. Subscribe to a plan to use this API.',
  payment_incomplete: 'The first payment of the subscription is not complete.',
  trial_ended: 'The trial has ended. Add a payment method or subscribe to go on.',
  payment_past_due: 'A payment is past due. Update the payment method or pay the open invoice.',
  subscription_paused: 'The subscription is paused. Resume it to go on.',
  subscription_canceled: 'The subscription was canceled. Subscribe again to go on.',
  feature_not_in_plan: (denied) => `${planOf(denied)} does not include ${featureOf(denied)}.`,
  quota_exhausted: (denied) => `${planOf(denied)} includes ${limitOf(denied)}; ${countOf(denied)}.`,
  spend_cap_reached: (denied) =>
    `${planOf(denied)} includes ${limitOf(denied)}; ${countOf(denied)}, and the spend cap is reached.`,
  path_ambiguous: 'Send a path without encoded slashes, backslashes or malformed escapes.',
  route_denied: 'No call to this route is let through.',
  key_scope: (denied) => `The key's scopes do not cover ${featureOf(denied)}.`,
  customer_blocked: 'The operator of this API has blocked this customer.',
  rate_limited: (denied) =>
    `${denied.full?.scope === 'key' ? 'This key' : planOf(denied)} admits ${limitOf(denied)}; ${countOf(denied)}.`,
  unverifiable: 'Whether this call is covered could not be told just now. Try again shortly.',
  gateway_unauthorized: 'The gateway did not present a token that is valid here.',
};

function describe(denied: Denied): string {
  const detail = details[denied.verdict.code];
  return typeof detail === 'string' ? detail : detail(denied);
}

const planOf = ({ verdict }: Denied) =>
  verdict.plan ? `The plan ${verdict.plan.name}` : 'The plan';
const featureOf = ({ verdict }: Denied) => verdict.feature ?? 'this';
const limitOf = ({ full }: Denied) =>
  full ? `${full.max} units of ${full.feature} a ${windowName(full)}` : 'a limit';
const countOf = ({ used, held }: Denied) =>
  `${used} are used${held ? ` and ${held} reserved` : ''}`;

function windowName({ window }: LimitCheck): string {
  return window === 'billing_period' ? 'billing period' : window;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

const notAscii = /[\u007f-\uffff]/g;

/** Names come from operators in any script; a header holds ASCII. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Most are ASCII already; looking is much cheaper than replacing nothing.
  return json.search(notAscii) < 0
    ? json
    : json.replace(
        notAscii,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
}

/** The page that explains it and, where one helps, the way to pay (RFC 8288). */
export function linkOf(problem: Problem): string {
  const described = `<${problem.type}>; rel="describedby"`;
  const payment = problem.actions.find(({ href }) => href !== null);
  return payment ? `${described}, <${payment.href}>; rel="payment"` : described;
}
