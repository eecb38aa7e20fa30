// What is wrong once all is quiet: access that differs from the oracle's, rows that differ from Stripe's objects,
// events lost or kept twice, and effects that happened twice, not at all, or out of order.
import { isDeepStrictEqual } from 'node:util';
import type Stripe from 'stripe';
import type { Subject } from './deed.ts';
import { rightAnswers } from './oracle.ts';
import type { Answer } from './oracle.ts';
import type { PostOffice } from './post-office.ts';
import type { World } from './world.ts';

type Owned = { subscription: Stripe.Subscription; invoices: Stripe.Invoice[] };

/** And how often which answer was right: a proof over customers without a subscription would prove little. */
export type Findings = { complaints: string[]; answers: Record<string, number> };

export async function inspect(
  world: World,
  subjects: Subject[],
  office: PostOffice,
): Promise<Findings> {
  const now = await world.clock.nowAtStripe();
  await world.clock.follow(now);
  const answers: Record<string, number> = {};
  const found = [...office.problems, ...(await ofEvents(world, office))];
  for (const [index, subject] of subjects.entries()) {
    const owned = await ownedAtStripe(world, subject, office);
    const right = rightAnswers(owned, world.plans.byPrice, seconds(now));
    const name = right[0]!.code ?? right[0]!.access;
    answers[name] = (answers[name] ?? 0) + 1;
    const said = [
      ...(await ofAccess(world, subject, right)),
      ...(await ofRows(world, subject, owned)),
      ...(await ofInvoices(world, owned)),
      ...(await ofEffects(world, subject, office)),
      ...(await ofNews(world, subject, right)),
    ];
    found.push(...said.map((text) => `customer ${index} (${subject.customer}): ${text}`));
  }
  return { complaints: found, answers };
}

/** Whatever anybody made for this customer, wherever it came from. */
async function ownedAtStripe(
  world: World,
  { customer }: Subject,
  office: PostOffice,
): Promise<Owned[]> {
  const ids = office.events
    .filter(
      ({ type, data }) => isOf(customer, data.object) && type.startsWith('customer.subscription.'),
    )
    .map(({ data }) => data.object['id'] as string);
  const owned: Owned[] = [];
  for (const id of new Set(ids)) {
    const subscription = await world.stripe.subscriptions.retrieve(id);
    const invoices = await world.stripe.invoices
      .list({ subscription: id, limit: 100 })
      .autoPagingToArray({ limit: 1_000 });
    owned.push({ subscription, invoices });
  }
  return owned;
}

/** What both processes say, over REST and on the hot path. */
async function ofAccess(world: World, { id }: Subject, right: Answer[]): Promise<string[]> {
  const found: string[] = [];
  for (const [index, { api, ctx }] of world.processes.entries()) {
    await ctx.notify.settled();
    const { body } = await api('GET', `/customers/${id}/entitlements`, {
      token: ctx.config.operatorTokens[0]!,
    });
    const said = { access: body.access, code: body.code, plan: body.code ? null : body.plan };
    const check = await api('POST', '/entitlements/check', {
      headers: { 'x-gateway-token': ctx.config.gatewayTokens[0]! },
      body: { customer_id: id, method: 'GET', path: '/anything' },
    });
    const checked = { allowed: check.body.allowed, code: check.body.code ?? null };
    const isRight = right.some(
      (answer) => isDeepStrictEqual(answer, said) && isDeepStrictEqual(onCheck(answer), checked),
    );
    if (isRight) continue;
    found.push(`process ${index} says ${text({ said, checked })}, right is ${text(right)}`);
  }
  return found;
}

/** A route that names no policy needs a live subscription, and does not count as reading. */
function onCheck({ access, code }: Answer): { allowed: boolean; code: string | null } {
  if (access === 'read_only') return { allowed: false, code: 'payment_past_due' };
  return { allowed: code === null, code };
}

async function ofRows(world: World, { id }: Subject, owned: Owned[]): Promise<string[]> {
  const rows = await world.db.subscription.findMany({ where: { customer_id: id } });
  const found: string[] = [];
  for (const { subscription } of owned) {
    const mine = rows.filter((row) => row.stripe_subscription_id === subscription.id);
    // One that was never paid, and of which we heard only afterwards, never was.
    if (mine.length === 0 && subscription.status === 'incomplete_expired') continue;
    if (mine.length !== 1) {
      found.push(`${subscription.id} (${subscription.status}) has ${mine.length} rows`);
      continue;
    }
    const [row] = mine;
    const item = subscription.items.data[0]!;
    const theirs = {
      status: subscription.status,
      quantity: item.quantity,
      start: item.current_period_start,
      end: item.current_period_end,
      trial_end: subscription.trial_end,
      cancel_at: subscription.cancel_at,
      ended_at: subscription.ended_at,
      paused: subscription.pause_collection !== null,
    };
    const ours = {
      status: row!.status,
      quantity: row!.quantity,
      start: seconds(row!.current_period_start),
      end: seconds(row!.current_period_end),
      trial_end: seconds(row!.trial_end),
      cancel_at: seconds(row!.cancel_at),
      ended_at: seconds(row!.ended_at),
      paused: row!.collection_paused,
    };
    if (!isDeepStrictEqual(ours, theirs)) {
      found.push(`${subscription.id}: our row says ${text(ours)}, Stripe says ${text(theirs)}`);
    }
  }
  const strange = rows.filter(
    (row) => !owned.some(({ subscription }) => subscription.id === row.stripe_subscription_id),
  );
  return [...found, ...strange.map((row) => `${row.id} is of no subscription at Stripe`)];
}

async function ofInvoices(world: World, owned: Owned[]): Promise<string[]> {
  const theirs = owned.flatMap(({ invoices }) => invoices);
  const rows = await world.db.invoice.findMany({
    where: { stripe_invoice_id: { in: theirs.map(({ id }) => id) } },
  });
  return theirs.flatMap((invoice) => {
    const row = rows.find(({ stripe_invoice_id }) => stripe_invoice_id === invoice.id);
    const ours = row && {
      status: row.status,
      paid: Number(row.amount_paid),
      total: Number(row.total),
    };
    const right = { status: invoice.status, paid: invoice.amount_paid, total: invoice.total };
    return isDeepStrictEqual(ours, right)
      ? []
      : [`${invoice.id}: we say ${text(ours ?? null)}, Stripe says ${text(right)}`];
  });
}

/**
 * What is written down about a subscription is what it went through at Stripe, in that order: entries that leave out
 * a state are right (nobody has to look at each), one that goes back, or says the same again, is not.
 */
async function ofEffects(world: World, { id }: Subject, office: PostOffice): Promise<string[]> {
  const entries = await world.db.auditEntry.findMany({
    where: { customer_id: id, action: 'subscription.sync' },
    orderBy: { id: 'asc' },
  });
  const found: string[] = [];
  const states = new Map<string, Record<string, unknown>>();
  const reached = new Map<string, number>();
  for (const entry of entries) {
    const before = entry.before as Record<string, unknown> | null;
    const after = entry.after as Record<string, unknown>;
    const former = states.get(entry.object_id);
    if ((former === undefined) !== (before === null)) {
      found.push(`${entry.object_id}: ${before ? 'was changed before it began' : 'began twice'}`);
    }
    for (const [name, value] of Object.entries(before ?? {})) {
      if (former && !isDeepStrictEqual(former[name] ?? null, value ?? null)) {
        found.push(`${entry.object_id}: ${name} was ${text(former[name])}, not ${text(value)}`);
      }
      if (isDeepStrictEqual(value, after[name])) found.push(`${entry.object_id}: nothing changed`);
    }
    const state = { ...former, ...after };
    states.set(entry.object_id, state);
    const lived = livedThrough(office, state['stripe_subscription_id'] as string);
    const from = reached.get(entry.object_id) ?? 0;
    const at = lived.findIndex(
      (one, index) => index >= from && isDeepStrictEqual(one, told(state)),
    );
    if (at >= 0) reached.set(entry.object_id, at);
    else found.push(`${entry.object_id}: went back to, or never was, ${text(told(state))}`);
  }
  return found;
}

/** All states of a subscription, oldest first: each event of its own shows the whole of it. */
function livedThrough({ events }: PostOffice, id: string) {
  return events
    .filter(
      ({ type, data }) => type.startsWith('customer.subscription.') && data.object['id'] === id,
    )
    .map(({ data }) => {
      const subscription = data.object as unknown as Stripe.Subscription;
      return {
        status: subscription.status,
        quantity: subscription.items.data[0]!.quantity ?? 1,
        current_period_end: subscription.items.data[0]!.current_period_end,
        cancel_at: subscription.cancel_at,
        ended_at: subscription.ended_at,
        collection_paused: subscription.pause_collection !== null,
      };
    });
}

/** The same of our own entry. */
function told(state: Record<string, unknown>) {
  const at = (name: string) =>
    typeof state[name] === 'string' ? Date.parse(state[name]) / 1000 : null;
  return {
    status: state['status'],
    quantity: state['quantity'],
    current_period_end: at('current_period_end'),
    cancel_at: at('cancel_at'),
    ended_at: at('ended_at'),
    collection_paused: state['collection_paused'],
  };
}

type News = { sequence: number; type: string; subscription_id: string | null; data: any };

/**
 * What the world was told: without a gap, each piece taking up where the one before ended, so that nothing was told
 * twice and nothing left out; and the last word about access is the right one.
 */
async function ofNews(world: World, { id }: Subject, right: Answer[]): Promise<string[]> {
  const { rows } = await world.pool.query<News>(
    'SELECT sequence, type, subscription_id, data FROM event WHERE customer_id = $1 ORDER BY sequence',
    [id],
  );
  const found: string[] = [];
  const told = new Map<string, unknown>();
  const types = new Map<string, string>();
  for (const [index, { sequence, type, subscription_id, data }] of rows.entries()) {
    if (sequence !== index + 1) found.push(`event ${sequence} stands where ${index + 1} should`);
    const isAccess = type === 'entitlement.changed';
    if (!isAccess && !type.startsWith('subscription.')) continue;
    const subject = isAccess ? 'access' : String(subscription_id);
    const now = isAccess ? accessOf(data) : data.subscription;
    const before = isAccess ? data.previous : data.previous && { ...now, ...data.previous };
    if (!isDeepStrictEqual(before ?? null, told.get(subject) ?? null)) {
      found.push(`${type} takes up from ${text(before)}, but ${text(told.get(subject))} was told`);
    }
    // That collection is paused shows in the type alone.
    const isInType = /\.(paused|resumed)$/.test(type) && types.get(subject) !== type;
    if (isDeepStrictEqual(before, now) && !isInType) found.push(`${type} tells nothing new`);
    types.set(subject, type);
    told.set(subject, now);
  }
  const last = told.get('access') as ReturnType<typeof accessOf> | undefined;
  const isRight = right.some(({ access, code }) =>
    last ? access === last.access && code === last.code : access === 'deny',
  );
  if (!isRight) found.push(`the last told access is ${text(last)}, right is ${text(right)}`);
  return found;
}

function accessOf({ plan, plan_version, status, access, code }: any) {
  return { plan, plan_version, status, access, code };
}

async function ofEvents(world: World, office: PostOffice): Promise<string[]> {
  const [stored, unsettled, alarms] = await Promise.all([
    world.db.stripeEvent.findMany({ select: { id: true, processed_at: true } }),
    world.pool.query('SELECT id, kind, last_error FROM stripe_object WHERE wanted <> done'),
    world.pool.query(`SELECT id, alarm FROM stripe_object WHERE alarm = 'missing_at_stripe'`),
  ]);
  const ids = new Set(stored.map(({ id }) => id));
  const lost = [...office.delivered].filter((id) => !ids.has(id));
  const open = stored.filter(({ processed_at }) => processed_at === null);
  return [
    ...lost.map((id) => `${id} was acknowledged and is not there`),
    ...open.map(({ id }) => `${id} was never settled`),
    ...unsettled.rows.map((row) => `still due: ${text(row)}`),
    ...alarms.rows.map((row) => `alarm: ${text(row)}`),
  ];
}

function isOf(customer: string, object: Record<string, unknown>): boolean {
  return object['customer'] === customer;
}

function seconds(at: Date): number;
function seconds(at: Date | null): number | null;
function seconds(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1000);
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
