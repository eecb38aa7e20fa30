// Why a check would be answered as it would be right now: decided from PostgreSQL by the check's own code, explained,
// and nothing else. Counts nothing, notes no use of a key, asks Stripe nothing.
import { loadByCustomer, loadByKeyHash, loadByKeyId } from '../adapters/facts.ts';
import { loadRulesAndPlans } from '../adapters/rules.ts';
import { hashSecret } from '../adapters/secret.ts';
import { readCounts, readSpent } from '../adapters/usage.ts';
import type { Context } from '../context.ts';
import { isWellFormedKey } from '../domain/api-key.ts';
import type { Asked, Check, RuleBook, Usage } from '../domain/check.ts';
import { counterName, noUsage, rulingOf } from '../domain/check.ts';
import type { CustomerFacts, KeyFacts } from '../domain/entitlement.ts';
import { footingOf } from '../domain/entitlement.ts';
import { notFound } from '../domain/error.ts';
import type { Explanation, StateSource } from '../domain/explanation/explanation.ts';
import { explain, forOwner } from '../domain/explanation/explanation.ts';
import type { LimitCheck, Situation } from '../domain/limit.ts';
import { limitChecks, unlimitedChecks } from '../domain/limit.ts';
import { offersWith } from '../domain/offer.ts';
import { buildRouteTable } from '../domain/route-policy.ts';
import type { Caller } from './caller.ts';

/** At most one of the three says who calls. */
export type Named = {
  api_key?: string | undefined;
  key_id?: string | undefined;
  customer_id?: string | undefined;
};
type Who = Check['who'];

const countersMax = 500;

/**
 * What the check would answer now and why. A customer asks for themselves: who else's key or id is named is
 * `not_found`, as is one that is not there. For an operator an unknown key is a call that is explained, too.
 */
export async function explainCall(
  ctx: Context,
  caller: Caller,
  { asked, named }: { asked: Asked; named: Named },
): Promise<Explanation> {
  const asOf = Date.now();
  const [who, book] = await Promise.all([findWho(ctx, caller, named), loadBook(ctx)]);
  const bare: Check = { asked, book, who, usage: noUsage, now: ctx.clock.nowMs() };
  const check = { ...bare, usage: await readUsage(ctx, bare) };
  const told = explain(check, { asOf, answeredAt: Date.now(), isDegraded: false });
  const whole = await withStateSource(ctx, told);
  return caller.kind === 'operator' ? whole : forOwner(whole);
}

async function loadBook({ pool }: Context): Promise<RuleBook> {
  const { rules, plans } = await loadRulesAndPlans(pool);
  const { policies, defaultAccess, defaultPlan } = rules;
  return { table: buildRouteTable(policies), defaultAccess, defaultPlan, plans };
}

async function findWho(ctx: Context, caller: Caller, named: Named): Promise<Who> {
  const own = caller.kind === 'customer' ? caller.customerId : null;
  const found = await lookUp(ctx, own === null || isNamed(named) ? named : { customer_id: own });
  if (typeof found !== 'string' && (own === null || found.customer.id === own)) return found;
  // Only an operator learns whether a key exists; an id that names nothing is no call at all.
  if (own !== null || found === null || typeof found !== 'string') throw notFound();
  return found;
}

function isNamed({ api_key, key_id, customer_id }: Named): boolean {
  return (api_key ?? key_id ?? customer_id) !== undefined;
}

async function lookUp({ pool, config }: Context, named: Named): Promise<Who> {
  const { api_key, key_id, customer_id } = named;
  if (api_key !== undefined) {
    if (!isWellFormedKey(api_key)) return 'unknown';
    return (await loadByKeyHash(pool, hashSecret(config.keyPepper, api_key))) ?? 'unknown';
  }
  if (key_id !== undefined) return orNotFound(await loadByKeyId(pool, key_id));
  if (customer_id === undefined) return 'missing';
  return { customer: orNotFound(await loadByCustomer(pool, customer_id)), key: null };
}

function orNotFound<T>(found: T | null): T {
  if (found === null) throw notFound();
  return found;
}

/** Of the call's own limits, and of those that another plan would put in their place. */
async function readUsage(ctx: Context, check: Check): Promise<Usage> {
  const { who, book, now } = check;
  const { feature } = rulingOf(book, check.asked);
  if (typeof who === 'string' || feature === null) return noUsage;
  const limits = limitsInSight(who, check, feature);
  const counted = await readCounts(ctx.pool, who.customer.id, limits, now);
  const soft = limits.find(({ spend }) => spend)?.spend;
  const spent = soft && (await readSpent(ctx.pool, who.customer.id, soft.start));
  return {
    counts: new Map(limits.map((limit, at) => [counterName(limit), counted[at]!])),
    spent: soft ? new Map([[soft.start, spent!]]) : new Map(),
  };
}

function limitsInSight(
  { customer, key }: { customer: CustomerFacts; key: KeyFacts | null },
  { book, now }: Check,
  feature: string,
): LimitCheck[] {
  const { plans, defaultPlan } = book;
  const footing = footingOf(customer, plans, defaultPlan, now);
  const situation: Situation = { customer, key, period: footing.period, now };
  const serving = footing.plan ? [footing.plan] : [];
  const all = [...serving, ...offersWith(plans, feature)].flatMap(({ features, pools }) =>
    features
      .filter((one) => one.feature === feature)
      .flatMap((granted) => limitChecks(granted, pools, situation)),
  );
  const distinct = new Map(
    [...unlimitedChecks(feature, situation), ...all].map((limit) => [counterName(limit), limit]),
  );
  return [...distinct.values()].slice(0, countersMax);
}

type Happened = { id: string; type: string; at: Date; known_at: Date };

/** With what brought the subscription into its state: looked up when asked for, by the instant of the decision. */
export async function withStateSource(ctx: Context, told: Explanation): Promise<Explanation> {
  const id = told.footing?.subscription_id;
  if (!id) return told;
  return { ...told, state_source: await findStateSource(ctx, id, told.decided_at) };
}

async function findStateSource(
  { pool }: Context,
  subscriptionId: string,
  decidedAt: string,
): Promise<StateSource> {
  const changed = await pool.query<Happened>(
    `SELECT id, type, at, created_at AS known_at FROM event WHERE subscription_id = $1
       AND type LIKE 'subscription.%' AND at <= $2::timestamptz ORDER BY id DESC LIMIT 1`,
    [subscriptionId, decidedAt],
  );
  const change = changed.rows[0] ?? null;
  const { rows } = await pool.query<Happened & { stripe_id: string }>(
    `SELECT s.stripe_subscription_id AS stripe_id, e.id, e.type, e.created_at AS at, e.received_at AS known_at
     FROM subscription s LEFT JOIN LATERAL (
       SELECT * FROM stripe_event WHERE object_id = s.stripe_subscription_id
         AND ($2::timestamptz IS NULL OR received_at <= $2) ORDER BY received_at DESC, id DESC LIMIT 1) e ON true
     WHERE s.id = $1`,
    [subscriptionId, change?.known_at ?? null],
  );
  const row = rows[0];
  const stripe = row?.id ? row : null;
  return {
    stripe_subscription_id: row?.stripe_id ?? null,
    stripe_event: stripe && view(stripe),
    change: change && view(change),
    sentence: tellSource(change, stripe),
  };
}

function view({ id, type, at }: Happened) {
  return { id, type, at: at.toISOString() };
}

function tellSource(change: Happened | null, stripe: Happened | null): string {
  const by = stripe ? `after Stripe's event ${stripe.id} (${stripe.type})` : 'without Stripe';
  if (change)
    return `The subscription is as it is since ${change.type} at ${view(change).at}, ${by}.`;
  return stripe ? `The last that Stripe told of it is ${stripe.id} (${stripe.type}).` : 'Nothing was told of it yet.'; // prettier-ignore
}
