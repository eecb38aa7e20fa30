// For each job of the table, what makes something due that it settles. A new job gets its row here, and with it the
// proofs of table.test.ts.
import { newId } from '../../src/adapters/id.ts';
import { inTransaction } from '../../src/adapters/postgres.ts';
import { publish } from '../../src/actions/event/publish.ts';
import { notify } from '../../src/actions/notice/notify.ts';
import { want } from '../../src/actions/stripe/want.ts';
import type { Billing } from '../support/billing.ts';
import { openReceiver } from '../support/receiver.ts';

type MakeDue = (billing: Billing) => Promise<unknown>;

const sql = ({ ctx }: Billing, text: string, ...values: unknown[]) => ctx.pool.query(text, values);
/** Nothing that happens at Stripe meanwhile is heard of. */
async function unheard(billing: Billing, work: () => Promise<unknown>): Promise<void> {
  await billing.delivered();
  await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
  await work();
  await billing.control('PUT', '/_sandbox/faults', {});
}

async function subscribed(billing: Billing, plan: string) {
  const { id, call } = await billing.customer(plan === 'free' ? undefined : 'pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan });
  await billing.delivered();
  await billing.runJobs();
  return { customerId: id, id: body.id as string, stripeId: body.stripe_subscription_id as string };
}

/** As if its instant had passed: the look that follows finds out that it has not. */
const movedBack = (plan: string, columns: string[]): MakeDue =>
  async function (billing) {
    const { id } = await subscribed(billing, plan);
    const set = columns.map((column) => `${column} = now() - interval '1 hour'`).join(', ');
    await sql(billing, `UPDATE subscription SET ${set} WHERE id = $1`, id);
  };

export const makeDue: Record<string, MakeDue> = {
  async 'process-stripe-event'(billing) {
    const { stripeId } = await subscribed(billing, 'pro');
    await unheard(billing, () => billing.stripe.subscriptions.cancel(stripeId));
    await want(billing.ctx.db, { kind: 'subscription', id: stripeId });
  },

  async 'renew-subscriptions'(billing) {
    await movedBack('pro', ['current_period_end'])(billing);
    const { id } = await subscribed(billing, 'free');
    await sql(
      billing,
      `UPDATE subscription SET anchor = a, current_period_start = a, current_period_end = a + interval '1 month'
       FROM (SELECT now() - interval '1 month 2 hours' AS a) past WHERE id = $1`,
      id,
    );
  },

  /** An attempt at what has been paid meanwhile. */
  async 'retry-payments'(billing) {
    const { id } = await subscribed(billing, 'pro');
    await sql(
      billing,
      `INSERT INTO payment_attempt (id, invoice_id, reason, key, due_at, state)
       SELECT $1, id, 'schedule', '1', now() - interval '1 s', 'due' FROM invoice WHERE subscription_id = $2`,
      newId('pat'),
      id,
    );
  },

  /** A step of a debt that has been paid meanwhile. */
  async 'run-dunning'(billing) {
    const { id, customerId } = await subscribed(billing, 'pro');
    const debt = newId('dun');
    await sql(
      billing,
      `INSERT INTO dunning (id, subscription_id, customer_id, past_due_since, started_at)
       VALUES ($1, $2, $3, now() - interval '4 days', now() - interval '4 days')`,
      debt,
      id,
      customerId,
    );
    await sql(
      billing,
      `INSERT INTO dunning_step (id, dunning_id, after_hours, access, due_at, state)
       VALUES ($1, $2, 72, 'warn', now() - interval '1 s', 'due')`,
      newId('req'),
      debt,
    );
  },

  /** An item that is no longer wanted, of a subscription that has ended. */
  'expire-trials': movedBack('trial', ['trial_end', 'current_period_end']),

  async 'expire-cancellations'(billing) {
    await movedBack('free', ['cancel_at'])(billing);
    await movedBack('pro', ['cancel_at'])(billing);
  },

  async 'expire-incomplete'(billing) {
    const { id } = await billing.customer();
    const version = await billing.ctx.db.planVersion.findFirstOrThrow({
      where: { plan: { key: 'pro' } },
    });
    const now = billing.ctx.now();
    const row = await billing.ctx.db.subscription.create({
      data: {
        id: newId('sub'), customer_id: id, plan_version_id: version.id, status: 'incomplete', started_at: now,
        created_at: now,
      },
    }); // prettier-ignore
    await billing.ctx.db.purchase.create({
      data: {
        id: newId('pur'), customer_id: id, subscription_id: row.id, plan_version_id: version.id, quantity: 1,
        state: 'open', created_at: now, lease_until: new Date(Date.now() - 1_000),
      },
    }); // prettier-ignore
  },

  async 'expire-checkouts'(billing) {
    const { id, call } = await billing.customer();
    await call('POST', '/subscriptions', { plan: 'pro' });
    const { stripe_session_id: session } = await billing.ctx.db.purchase.findFirstOrThrow({
      where: { customer_id: id },
    });
    await unheard(billing, () => billing.stripe.checkout.sessions.expire(session!));
    await sql(
      billing,
      `UPDATE purchase SET created_at = now() - interval '25 hours' WHERE customer_id = $1`,
      id,
    );
  },

  async 'expire-keys'(billing) {
    const { call } = await billing.customer();
    const { body } = await call('POST', '/keys', { name: 'short' });
    await sql(
      billing,
      `UPDATE api_key SET expires_at = now() - interval '1 s' WHERE id = $1`,
      body.id,
    );
  },

  async 'expire-reservations'(billing) {
    const { id } = await billing.customer();
    await sql(
      billing,
      `INSERT INTO usage_reservation (id, customer_id, feature, units, status, created_at, expires_at)
       VALUES ($1, $2, 'search', 5, 'held', now() - interval '1 hour', now() - interval '1 s')`,
      newId('res'),
      id,
    );
  },

  async 'follow-access'(billing) {
    const { customerId } = await subscribed(billing, 'free');
    await sql(
      billing,
      `UPDATE event_stream SET access_due_at = now() - interval '1 s', access = NULL WHERE customer_id = $1`,
      customerId,
    );
  },

  async 'alert-usage'(billing) {
    const { customerId } = await subscribed(billing, 'free');
    await sql(
      billing,
      `INSERT INTO usage_counter (customer_id, feature, "window", window_start, used)
       VALUES ($1, 'search', 'month', date_trunc('month', now()), 1)`,
      customerId,
    );
  },

  async 'deliver-notices'(billing) {
    const { id } = await billing.customer();
    const { ctx } = billing;
    const about = { customerId: id, key: newId('req'), at: ctx.now(), data: { plan: 'Pro' } };
    await inTransaction(ctx, (tx) => notify(tx, { kind: 'trial_ended', ...about }));
  },

  async 'deliver-webhooks'(billing) {
    const { url } = await openReceiver();
    await billing.operator('POST', '/webhook-endpoints', { url });
    const { id } = await billing.customer();
    const { ctx } = billing;
    const about = { customerId: id, at: ctx.now(), data: {} };
    await inTransaction(ctx, (tx) => publish(tx, { type: 'key.created', ...about }));
  },

  async 'expire-sessions'(billing) {
    const { id } = await billing.customer();
    await sql(
      billing,
      `UPDATE customer_session SET expires_at = now() - interval '1 s' WHERE customer_id = $1`,
      id,
    );
  },

  'expire-idempotency': (billing) =>
    sql(
      billing,
      `INSERT INTO idempotency_record (id, request_hash, lease_token, lease_until, created_at)
       VALUES ($1, 'x', 'x', now() - interval '25 hours', now() - interval '25 hours')`,
      Buffer.from(newId('req')),
    ),

  async 'expire-leases'(billing) {
    await sql(
      billing,
      `INSERT INTO lease (name, token, until) VALUES ($1, 'x', now() - interval '2 hours')`,
      newId('lease'),
    );
    await sql(
      billing,
      `INSERT INTO job_attempt (kind, id, attempts, next_attempt_at, updated_at)
       VALUES ('gone', $1, 1, now() - interval '2 days', now() - interval '2 days')`,
      newId('req'),
    );
  },

  async 'expire-usage'(billing) {
    const { id } = await billing.customer();
    await sql(
      billing,
      `INSERT INTO usage_record (customer_id, id, feature, units, at, recorded_at)
       VALUES ($1, 'old', 'search', 1, now() - interval '40 days', now() - interval '40 days')`,
      id,
    );
    await sql(
      billing,
      `INSERT INTO usage_counter (customer_id, feature, "window", window_start, used)
       VALUES ($1, 'search', 'hour', date_trunc('hour', now()) - interval '40 days', 1)`,
      id,
    );
  },

  'expire-events': (billing) =>
    sql(
      billing,
      `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at, processed_at)
       SELECT $1, 'customer.updated', '', '{}', t, t, t FROM (SELECT now() - interval '401 days' AS t) old`,
      newId('req'),
    ),

  /** A payment was given back, and that is to end the subscription. */
  async 'apply-policies'(billing) {
    const { id } = await subscribed(billing, 'pro');
    await sql(billing, `UPDATE setting SET refund_policy = 'cancel'`);
    await sql(
      billing,
      `UPDATE subscription SET refunded_until = now() + interval '1 day' WHERE id = $1`,
      id,
    );
  },

  'expire-decisions': async (billing) => {
    await sql(
      billing,
      `INSERT INTO decision (id, at, data_as_of, facts_age_ms, degraded, cost, status, limits)
       SELECT $1, t, t, 0, false, 0, 200, '[]' FROM (SELECT now() - interval '31 days' AS t) old`,
      newId('dec'),
    );
    await sql(
      billing,
      `INSERT INTO decision_count (width, start, route_policy_id, plan, code, checks, dropped)
       SELECT width, now() - age::interval, $1, '', '', 1, 0
       FROM (VALUES ('minute', '3 days'), ('hour', '401 days')) old (width, age)`,
      newId('rp'),
    );
    await sql(
      billing,
      `INSERT INTO payment_demand (customer_id, hour, first_at)
       SELECT $1, t, t FROM (SELECT now() - interval '401 days' AS t) old`,
      newId('cus'),
    );
    await sql(
      billing,
      `INSERT INTO decision_writer (id, sequence, written_at) VALUES ($1, 1, now() - interval '8 days')`,
      newId('lease'),
    );
  },

  async 'expire-overrides'(billing) {
    const { id } = await billing.customer();
    await sql(
      billing,
      `INSERT INTO override (id, customer_id, feature, extra, expires_at, created_at)
       VALUES ($1, $2, 'search', 5, now() - interval '36 days', now() - interval '40 days')`,
      newId('req'),
      id,
    );
  },

  /** A minute that ended beyond its limit, of a subscription that was there already. */
  async 'report-overage'(billing) {
    const key = newId('plan').slice(0, 40);
    const limits = [{ window: 'minute', max: 10, overage: { unit_amount_decimal: '2' } }];
    await billing.operator('POST', '/plans', {
      key,
      name: 'Metered',
      price: { amount: 1_000, currency: 'usd', interval: 'month' },
      features: [{ feature: 'calls', limits }],
    });
    const { customerId, id } = await subscribed(billing, key);
    await sql(
      billing,
      `UPDATE subscription_term SET since = since - interval '1 hour' WHERE subscription_id = $1`,
      id,
    );
    await billing.operator('POST', '/usage', {
      customer_id: customerId,
      feature: 'calls',
      units: 15,
      id: 'one',
      at: new Date(billing.ctx.now().getTime() - 5 * 60_000).toISOString(),
    });
  },

  /** A database that knows Stripe and was never compared. */
  async reconcile(billing) {
    await subscribed(billing, 'pro');
    await sql(billing, 'DELETE FROM reconciliation');
    await sql(billing, `UPDATE customer SET created_at = now() - interval '2 days'`);
  },
};
