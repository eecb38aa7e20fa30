// What must hold while things race: limits over two processes, a revocation against a load, one load for many.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import { hashSecret } from '../../src/adapters/secret.ts';
import { createApi } from '../support/api.ts';
import { createFacts } from '../../src/gateway/facts.ts';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture, startGatewayProcess } from './fixture.ts';

/** A million in the long run: SOAK_COUNTS=1000000. */
const lockedCounts = Number(process.env['SOAK_COUNTS'] ?? 2_000);
let f: Fixture;
let plan: string;

beforeAll(async () => {
  f = await createFixture();
  plan = await f.plan('pro', [
    {
      feature: 'calls',
      limits: [
        { window: 'month', max: 100, on_exceed: 'payment', overage: null },
        { window: 'day', max: 1000, on_exceed: 'wait', overage: null },
      ],
    },
  ]);
  await f.policy({ path: '/calls', access: 'feature', feature: 'calls' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.settled();
});
afterAll(() => f.close());

async function subscriber(): Promise<{ id: string; key: string }> {
  const id = await f.customer();
  await f.subscribe(id, plan);
  const key = await f.key(id);
  await f.settled();
  return { id, key };
}

describe('a limit', () => {
  test('of 100 admits exactly 100 of 64 concurrent clients over two processes', async () => {
    const { id, key } = await subscriber();
    const other = await startGatewayProcess(f.environment);
    let admitted = 0;
    let refused = 0;
    const apis = [f.api, createApi(other.url)];
    await Promise.all(
      Array.from({ length: 64 }, async (_, client) => {
        for (let call = 0; call < 4; call += 1) {
          const { status } = await f.askAt(apis[(client + call) % 2]!, 'GET /calls', key);
          if (status === 200) admitted += 1;
          else if (status === 402) refused += 1;
        }
      }),
    );
    await other.stop();
    expect({ admitted, refused }).toEqual({ admitted: 100, refused: 156 });
    const { rows } = await f.sql('SELECT DISTINCT used FROM usage_counter WHERE customer_id = $1', [
      id,
    ]);
    // All limits of a request or none: the day's counter has not run ahead of the month's.
    expect(rows).toEqual([{ used: 100 }]);
  });

  test('counts batches as a naive model does: all limits of a request or none, in order', async () => {
    const limit = fc.record({ row: fc.nat(3), max: fc.integer({ min: 0, max: 6 }) });
    const request = fc.record({
      units: fc.integer({ min: 0, max: 3 }),
      limits: fc.uniqueArray(limit, { minLength: 1, maxLength: 3, selector: ({ row }) => row }),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
        round += 1;
        const used = [0, 0, 0, 0];
        const expected = requests.map(({ units, limits }) => {
          const failed = limits.findIndex(({ row, max }) => used[row]! + units > max);
          if (failed < 0) for (const { row } of limits) used[row]! += units;
          return failed < 0;
        });
        const flat = requests.flatMap(({ units, limits }, index) =>
          limits.map(({ row, max }) => ({ request: index + 1, row: row + 1, max, units })),
        );
        const { rows } = await f.sql(
          `SELECT failed, used_now FROM count_usage($1, $2, $3, $4::timestamptz[], $5::int[], $6::int[], $7::bigint[], $8::bigint[])`,
          [
            Array(4).fill(`model_${round}`),
            ['a', 'b', 'c', 'd'],
            Array(4).fill('day'),
            Array(4).fill('2026-01-01T00:00:00Z'),
            ...(['request', 'row', 'max', 'units'] as const).map((column) =>
              flat.map((check) => check[column]),
            ),
          ],
        );
        expect(rows[0].failed.map((at: number) => at === 0)).toEqual(expected);
        const stored = await f.sql(
          'SELECT used FROM usage_counter WHERE customer_id = $1 ORDER BY feature',
          [`model_${round}`],
        );
        expect(stored.rows.map((row) => row.used)).toEqual(used);
      }),
      { numRuns: 60 },
    );
  });

  test('never deadlocks over rows locked by batches in opposite orders', async () => {
    const call = (order: number[]) =>
      f.sql(
        `SELECT failed FROM count_usage($1, $2, $3, $4::timestamptz[], $5::int[], $6::int[], $7::bigint[], $8::bigint[])`,
        [
          order.map(() => 'lock'),
          order.map((n) => `f${n}`),
          order.map(() => 'day'),
          order.map(() => '2026-01-01T00:00:00Z'),
          order.map((_, i) => i + 1),
          order.map((_, i) => i + 1),
          order.map(() => null),
          order.map(() => 1),
        ],
      );
    const up = Array.from({ length: 20 }, (_, n) => n);
    const down = [...up].reverse();
    const batches = Math.ceil(lockedCounts / up.length);
    let begun = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (begun < batches) await call((begun += 1) % 2 ? up : down);
      }),
    );
    const { rows } = await f.sql(
      `SELECT DISTINCT used FROM usage_counter WHERE customer_id = 'lock'`,
    );
    expect(rows).toEqual([{ used: batches }]);
  }, 3_600_000);
});

describe('a revocation', () => {
  test('while the load of its key is in flight is never undone by that load', async () => {
    const { key } = await subscriber();
    const { ctx, config } = f;
    // The answer of PostgreSQL has been read but not yet handed over when the revocation commits.
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reads = 0;
    const query = async (given: pg.QueryConfig) => {
      const answer = await ctx.pool.query(given);
      reads += 1;
      if (reads === 1) await held;
      return answer;
    };
    const pool = { query } as unknown as typeof ctx.pool;
    const facts = createFacts({ pool, notify: ctx.notify, pepper: config.keyPepper });
    const racing = facts.findKey(key);
    await until('the key is read', () => reads === 1);
    await f.sql('UPDATE api_key SET revoked_at = now() WHERE hash = $1', [
      hashSecret(config.keyPepper, key),
    ]);
    await ctx.notify.settled();
    release();
    for (const found of [await racing, await facts.findKey(key)]) {
      if (typeof found === 'string') throw new Error(found);
      expect(found.entry.key?.revokedAt).toEqual(expect.any(Number));
    }
    facts.close();
  });

  test('is seen by every process, also when it was typed in SQL', async () => {
    const { id, key } = await subscriber();
    const other = await f.secondGateway();
    expect((await f.ask('GET /plain', key)).status).toBe(200);
    expect((await f.askAt(other.api, 'GET /plain', key)).status).toBe(200);
    await f.sql('UPDATE customer SET blocked = true WHERE id = $1', [id]);
    await f.settled();
    expect((await f.ask('GET /plain', key)).body.code).toBe('customer_blocked');
    await other.settled();
    expect((await f.askAt(other.api, 'GET /plain', key)).body.code).toBe('customer_blocked');
    await other.close();
  });

  test('of more than a hundred at once reaches all of them', async () => {
    const { key } = await subscriber();
    await f.sql(
      `INSERT INTO customer (id, external_id, created_at) SELECT 'many' || n, 'many' || n, now() FROM generate_series(1, 150) n`,
    );
    expect((await f.ask('GET /plain', key)).status).toBe(200);
    await f.sql('UPDATE customer SET blocked = true');
    await f.settled();
    expect((await f.ask('GET /plain', key)).status).toBe(403);
    await f.sql('UPDATE customer SET blocked = false');
    await f.settled();
    expect((await f.ask('GET /plain', key)).status).toBe(200);
  });
});

describe('the cache', () => {
  test('asks no query at all where nothing is counted, and one for many misses of one key', async () => {
    const { key } = await subscriber();
    const asked = watchQueries(f.gatewayPool);
    const fifty = () => Promise.all(Array.from({ length: 50 }, () => f.ask('GET /plain', key)));
    await fifty();
    expect(asked()).toEqual([expect.stringContaining('FROM api_key')]);
    await fifty();
    expect(asked()).toHaveLength(1);
    await f.ask('GET /calls', key);
    expect(asked()).toEqual([expect.anything(), expect.stringContaining('count_usage')]);
  });

  test('of unknown keys is dropped when the key appears', async () => {
    const { id } = await subscriber();
    const key = await f.key(id);
    await f.sql('DELETE FROM api_key WHERE hash = $1', [hashSecret(f.config.keyPepper, key)]);
    await f.settled();
    expect((await f.ask('GET /plain', key)).status).toBe(401);
    await f.sql(
      `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, created_at) VALUES ('key_again', $1, $2, 'tg_test_', 'xxxx', '{call}', now())`,
      [id, hashSecret(f.config.keyPepper, key)],
    );
    await f.settled();
    expect((await f.ask('GET /plain', key)).status).toBe(200);
  });

  test('hears a changed policy before the next check', async () => {
    const { key } = await subscriber();
    expect((await f.ask('GET /later', key)).status).toBe(200);
    await f.policy({ path: '/later', access: 'deny' });
    await f.settled();
    expect((await f.ask('GET /later', key)).body.code).toBe('route_denied');
  });
});

/** What is asked through this pool from now on, but for the uses of keys that are written now and then. */
function watchQueries(pool: pg.Pool): () => string[] {
  const texts: string[] = [];
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  const watched = (...given: unknown[]) => {
    const [first] = given as [string | { text: string }];
    texts.push(typeof first === 'string' ? first : first.text);
    return query(...given);
  };
  pool.query = watched as typeof pool.query;
  return () => texts.filter((text) => !text.startsWith('UPDATE api_key'));
}
