// Reads what a decision needs, one SQL statement each: a key with its customer and
// subscriptions. Rows in, domain facts out; keeps nothing.
import type pg from 'pg';
import type { SubscriptionFacts } from '../domain/access.ts';
import type { CustomerFacts, KeyFacts } from '../domain/entitlement.ts';
import { noOverrides } from '../domain/override.ts';
import type { Override } from '../domain/override.ts';
import type { Queries } from './postgres.ts';

/** Ended subscriptions matter only for the words of a denial: the last few suffice. */
const subscriptionsMax = 20;

/** 9999-12-31: for as long as it is so. */
const endOfTime = 253_402_214_400_000;

/** With the policies that an operator has chosen already applied: the check need not know them. */
const customerFacts = `
  c.id AS customer_id, c.blocked, c.timezone, c.spend_cap, ms(c.created_at) AS customer_created_at,
  coalesce((SELECT json_agg(s) FROM (
    SELECT id, plan_version_id AS "planVersionId", status, stripe_subscription_id IS NOT NULL AS "atStripe",
      ms(anchor) AS anchor, ms(current_period_start) AS "periodStart", ms(current_period_end) AS "periodEnd",
      ms(trial_end) AS "trialEnd", ms(cancel_at) AS "cancelAt", ms(ended_at) AS "endedAt",
      ms(past_due_since) AS "pastDueSince", collection_paused AND pause_policy = 'deny' AS "collectionPaused",
      CASE WHEN disputed AND dispute_policy = 'deny' THEN ${endOfTime}
        WHEN refund_policy = 'deny' THEN ms(refunded_until) END AS "takenBackUntil",
      paused_at_trial_end AS "pausedAtTrialEnd", ever_paid AS "everPaid", ms(started_at) AS "startedAt",
      CASE WHEN pending_plan_version_id IS NOT NULL AND pending_effective_at IS NOT NULL THEN json_build_object(
        'planVersionId', pending_plan_version_id, 'effectiveAt', ms(pending_effective_at)) END AS pending
    FROM subscription, (SELECT pause_policy, refund_policy, dispute_policy FROM setting) chosen
    WHERE customer_id = c.id
    ORDER BY status IN ('canceled', 'incomplete_expired'), started_at DESC LIMIT ${subscriptionsMax}
  ) s), '[]') AS subscriptions,
  coalesce((SELECT json_agg(json_build_object('feature', feature, 'limit', "limit", 'extra', extra,
    'expiresAt', ms(expires_at)) ORDER BY id) FROM override WHERE customer_id = c.id), '[]') AS overrides`;

type CustomerRow = {
  customer_id: string;
  blocked: boolean;
  timezone: string;
  spend_cap: number | null;
  customer_created_at: number;
  subscriptions: SubscriptionFacts[];
  overrides: Override[];
};

type KeyRow = CustomerRow & {
  id: string;
  scopes: string[];
  caps: KeyFacts['caps'];
  expires_at: number | null;
  revoked_at: number | null;
};

const keyFacts = `k.id, k.scopes, k.caps, ms(k.expires_at) AS expires_at, ms(k.revoked_at) AS revoked_at, ${customerFacts}
  FROM api_key k JOIN customer c ON c.id = k.customer_id`;

/** What most keys have: a million of them share these. */
const noCaps: KeyFacts['caps'] = [];
const callOnly: KeyFacts['scopes'] = ['call'];

/** A key that exists, whatever its state, with all that is known of its customer; null: no such key. */
export async function loadByKeyHash(
  pool: pg.Pool,
  hash: Buffer,
): Promise<{ key: KeyFacts; customer: CustomerFacts } | null> {
  const { rows } = await pool.query<KeyRow>({
    name: 'facts-by-key',
    text: `SELECT ${keyFacts} WHERE k.hash = $1 AND c.deleted_at IS NULL`,
    values: [hash],
  });
  return rows[0] ? { key: keyOf(rows[0]), customer: customerOf(rows[0]) } : null;
}

/** The same by the key's id. */
export async function loadByKeyId(
  pool: pg.Pool,
  id: string,
): Promise<{ key: KeyFacts; customer: CustomerFacts } | null> {
  const { rows } = await pool.query<KeyRow>(
    `SELECT ${keyFacts} WHERE k.id = $1 AND c.deleted_at IS NULL`,
    [id],
  );
  return rows[0] ? { key: keyOf(rows[0]), customer: customerOf(rows[0]) } : null;
}

/** Many at once, by their hash in base64; unknown ones are missing. */
export async function loadByKeyHashes(
  pool: pg.Pool,
  hashes: Buffer[],
): Promise<Map<string, { key: KeyFacts; customer: CustomerFacts }>> {
  if (hashes.length === 0) return new Map();
  const { rows } = await pool.query<KeyRow & { hash: Buffer }>(
    `SELECT k.hash, ${keyFacts} WHERE k.hash = ANY ($1) AND c.deleted_at IS NULL`,
    [hashes],
  );
  return new Map(
    rows.map((row) => [
      row.hash.toString('base64'),
      { key: keyOf(row), customer: customerOf(row) },
    ]),
  );
}

/** The customer's keys that have caps and may still be used. */
export async function loadCappedKeys(
  pool: pg.Pool,
  customerId: string,
  { nowMs, max }: { nowMs: number; max: number },
): Promise<Pick<KeyFacts, 'id' | 'caps'>[]> {
  const { rows } = await pool.query<Pick<KeyFacts, 'id' | 'caps'>>(
    `SELECT id, caps FROM api_key WHERE customer_id = $1 AND revoked_at IS NULL AND caps <> '[]'
       AND (expires_at IS NULL OR expires_at > $2::timestamptz) ORDER BY id LIMIT $3`,
    [customerId, new Date(nowMs).toISOString(), max],
  );
  return rows;
}

/** A customer that is not deleted, or null. */
export async function loadByCustomer(pool: Queries, id: string): Promise<CustomerFacts | null> {
  const { rows } = await pool.query<CustomerRow>({
    name: 'facts-by-customer',
    text: `SELECT ${customerFacts} FROM customer c WHERE c.id = $1 AND c.deleted_at IS NULL`,
    values: [id],
  });
  return rows[0] ? customerOf(rows[0]) : null;
}

/** Many at once, by id; unknown ones are missing. */
export async function loadByCustomers(
  pool: Queries,
  ids: string[],
): Promise<Map<string, CustomerFacts>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<CustomerRow>(
    `SELECT ${customerFacts} FROM customer c WHERE c.id = ANY ($1::text[]) AND c.deleted_at IS NULL`,
    [ids],
  );
  return new Map(rows.map((row) => [row.customer_id, customerOf(row)]));
}

function keyOf(row: KeyRow): KeyFacts {
  const { id, expires_at: expiresAt, revoked_at: revokedAt } = row;
  const scopes = row.scopes.length === 1 && row.scopes[0] === 'call' ? callOnly : row.scopes;
  return { id, scopes, expiresAt, revokedAt, caps: row.caps.length ? row.caps : noCaps };
}

function customerOf(row: CustomerRow): CustomerFacts {
  return {
    id: row.customer_id,
    blocked: row.blocked,
    timezone: row.timezone,
    spendCap: row.spend_cap,
    createdAt: row.customer_created_at,
    subscriptions: row.subscriptions,
    overrides: row.overrides.length ? row.overrides : noOverrides,
  };
}
