// Fills a database with customers and keys for the bench, the way the service would have: by the thousand.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import pg from 'pg';
import { hashSecret, randomBase62 } from '../src/adapters/secret.ts';
import { makeKey } from '../src/domain/api-key.ts';
import type { Limit, PlanFeature } from '../src/domain/plan.ts';
import { defaultLadder } from '../src/domain/plan.ts';

const customersMax = 10_000;
const rowsPerCall = 10_000;
const limit = (window: Limit['window']): Limit => ({
  window,
  max: 1e15,
  on_exceed: 'payment',
  overage: null,
});

/** `flat` counts nothing, `one` and `three` have that many limits; `other` takes an upgrade: a denial offers it. */
export async function fill(options: {
  url: string;
  pepper: string;
  keys: number;
  keysFile: string;
}): Promise<void> {
  const client = new pg.Client({ connectionString: options.url });
  await client.connect();
  const customers = customersMax;
  const features = [
    { feature: 'flat', limits: [] },
    { feature: 'one', limits: [limit('month')] },
    { feature: 'three', limits: [limit('month'), limit('day'), limit('hour')] },
  ];
  await addPlan(client, 1, 'Pro', null, features);
  await addPlan(client, 2, 'Scale', 9_900, [...features, { feature: 'other', limits: [] }]);
  for (const [feature, cost] of [
    ['flat', 0],
    ['one', 1],
    ['three', 1],
    ['other', 0],
  ] as const) {
    await client.query(
      `INSERT INTO route_policy (id, method, path, shape, access, feature, cost, created_at) VALUES ($1, 'GET', $2, $2, 'feature', $3, $4, now())`,
      [`rp_${feature}`, `/${feature}`, feature, cost],
    );
  }
  await client.query(
    `INSERT INTO customer (id, external_id, created_at) SELECT 'cus_' || n, n, now() FROM generate_series(1, $1::int) n`,
    [customers],
  );
  await client.query(
    `INSERT INTO subscription (id, customer_id, plan_version_id, status, anchor, started_at, created_at)
     SELECT 'sub_' || n, 'cus_' || n, 'pv_1', 'active', now(), now(), now() FROM generate_series(1, $1::int) n`,
    [customers],
  );
  await fillKeys(client, options, customers);
  await client.query('ANALYZE');
  await client.end();
}

async function addPlan(
  client: pg.Client,
  number: number,
  name: string,
  price: number | null,
  features: PlanFeature[],
): Promise<void> {
  await client.query(
    `INSERT INTO plan (id, key, current_version, created_at) VALUES ('plan_' || $1, lower($2), 1, now())`,
    [number, name],
  );
  await client.query(
    `INSERT INTO plan_version (id, plan_id, version, name, price_amount, price_currency, price_interval, features, ladder, created_at)
     VALUES ('pv_' || $1, 'plan_' || $1, 1, $2, $3, $4, $5, $6, $7, now())`,
    [
      number,
      name,
      price,
      price && 'eur',
      price && 'month',
      JSON.stringify(features),
      JSON.stringify(defaultLadder),
    ],
  );
}

async function fillKeys(
  client: pg.Client,
  { pepper, keys, keysFile }: { pepper: string; keys: number; keysFile: string },
  customers: number,
): Promise<void> {
  const file = createWriteStream(keysFile, { mode: 0o600 });
  for (let from = 0; from < keys; from += rowsPerCall) {
    const numbers = Array.from({ length: Math.min(rowsPerCall, keys - from) }, (_, i) => from + i);
    const made = numbers.map(() => makeKey('test', randomBase62(30)));
    await client.query(
      `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, created_at)
       SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[]) AS k, LATERAL (SELECT ARRAY['call'], now()) AS rest`,
      [
        numbers.map((n) => `key_${n}`),
        numbers.map((n) => `cus_${(n % customers) + 1}`),
        made.map((key) => hashSecret(pepper, key)),
        made.map(() => 'tg_test_'),
        made.map((key) => key.slice(-4)),
      ],
    );
    file.write(`${made.join('\n')}\n`);
  }
  file.end();
  await once(file, 'finish');
}
