// What an operator sees of the jobs and may do about them: backlog, last runs, rows that cannot be settled and do not
// stop the others, another attempt by hand; and that a tick has one run, whoever hears of it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jobs } from '../../jobs/index.ts';
import { runJob } from '../../jobs/run.ts';
import { claimTick, recordRun } from '../../src/actions/job-run.ts';
import { want } from '../../src/actions/stripe/want.ts';
import { createLog } from '../../src/adapters/log.ts';
import { createQueue } from '../../src/adapters/queue.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { queueHomes } from '../support/queue-home.ts';
import { until } from '../support/until.ts';
import { makeDue } from './due.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

const sql = (text: string, ...values: unknown[]) => billing.ctx.pool.query(text, values);
const failures = async () => (await billing.operator('GET', '/jobs/failures')).body.data;
const retry = (id: string) => billing.operator('POST', `/jobs/failures/${id}/retry`, {});
const jobOf = async (name: string) =>
  (await billing.operator('GET', '/jobs')).body.data.find((job: any) => job.name === name);

/** A row whose settling PostgreSQL refuses, until `mend`. */
async function poison(table: string, id: string) {
  await sql(`CREATE FUNCTION refuse_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF OLD.id = '${id}' THEN RAISE EXCEPTION 'this row is poison'; END IF; RETURN NEW; END $$`);
  await sql(
    `CREATE TRIGGER refuse BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_${table}()`,
  );
  return { mend: () => sql(`DROP FUNCTION refuse_${table} CASCADE`) };
}

async function dueKey(): Promise<string> {
  await makeDue['expire-keys']!(billing);
  const { rows } = await sql('SELECT id FROM api_key ORDER BY id DESC LIMIT 1');
  return rows[0].id;
}

describe('a row that cannot be settled', () => {
  test('does not stop the others, waits, is seen, and is tried again by hand', async () => {
    await dueKey();
    const sick = await dueKey();
    await dueKey();
    const { mend } = await poison('api_key', sick);
    expect(await jobOf('expire-keys')).toMatchObject({ backlog: 3 });

    await runJob(billing.ctx, 'expire-keys');
    expect(await jobOf('expire-keys')).toMatchObject({
      backlog: 0,
      oldest_due: null,
      last_result: { expired: 2, failed: 1 },
    });
    const [failure] = await failures();
    expect(failure).toMatchObject({
      id: `api_key.${sick}`,
      job: 'expire-keys',
      kind: 'api_key',
      object_id: sick,
      attempts: 1,
      last_error: expect.stringContaining('this row is poison'),
    });
    expect(Date.parse(failure.next_attempt_at)).toBeGreaterThan(Date.now());

    await runJob(billing.ctx, 'expire-keys');
    expect(await failures()).toEqual([failure]);
    expect((await retry(failure.id)).status).toBe(202);
    await runJob(billing.ctx, 'expire-keys');
    expect(await failures()).toMatchObject([{ attempts: 2 }]);

    await mend();
    await retry(failure.id);
    await runJob(billing.ctx, 'expire-keys');
    expect(await failures()).toEqual([]);
    const { rows } = await sql(
      `SELECT count(*) AS told FROM event WHERE type = 'key.expired' AND data->'key'->>'id' = $1`,
      sick,
    );
    expect(Number(rows[0].told)).toBe(1);
  });

  test('because Stripe cannot be asked about it is seen and tried again in the same way', async () => {
    const { call } = await billing.customer('pm_card_visa');
    const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
    const id = body.stripe_subscription_id;
    await billing.delivered();
    await billing.runJobs();
    await billing.control('PUT', '/_sandbox/faults', {
      api: [{ match: `GET /v1/subscriptions/${id}`, status: 500 }],
    });
    await want(billing.ctx.db, { kind: 'subscription', id });
    await runJob(billing.ctx, 'process-stripe-event');
    expect(await failures()).toMatchObject([
      { id: `stripe_object.${id}`, job: 'process-stripe-event', attempts: 1 },
    ]);
    await billing.control('PUT', '/_sandbox/faults', {});
    expect((await retry(`stripe_object.${id}`)).body).toMatchObject({ object_id: id });
    await runJob(billing.ctx, 'process-stripe-event');
    expect(await failures()).toEqual([]);
  }, 60_000);

  test('of work that calls others is put aside in the same way, and not forgotten', async () => {
    await makeDue['expire-incomplete']!(billing);
    const { rows } = await sql(`SELECT id, customer_id FROM purchase WHERE state = 'open'`);
    const { id, customer_id } = rows[0];
    await sql(`UPDATE customer SET stripe_customer_id = 'cus_none' WHERE id = $1`, customer_id);
    const everywhere = { match: 'GET /v1/checkout/sessions', status: 500 };
    await billing.control('PUT', '/_sandbox/faults', { api: [everywhere] });
    await runJob(billing.ctx, 'expire-incomplete');
    expect(await failures()).toMatchObject([{ id: `purchase.${id}`, attempts: 1 }]);
    await billing.control('PUT', '/_sandbox/faults', {});
    await sql('UPDATE customer SET stripe_customer_id = NULL WHERE id = $1', customer_id);
    await retry(`purchase.${id}`);
    await runJob(billing.ctx, 'expire-incomplete');
    expect(await failures()).toEqual([]);
    const settled = await sql('SELECT state FROM purchase WHERE id = $1', id);
    expect(settled.rows).toEqual([{ state: 'abandoned' }]);
  }, 60_000);
});

describe('a job that fails as a whole', () => {
  test('is among the failures until it has run well, with how often it failed', async () => {
    const fail = () =>
      recordRun(billing.ctx, 'expire-leases', () => Promise.reject(new TypeError('broken')));
    await expect(fail()).rejects.toThrow('broken');
    await expect(fail()).rejects.toThrow('broken');
    expect(await jobOf('expire-leases')).toMatchObject({ last_result: { error: 'TypeError' } });
    expect(await failures()).toMatchObject([
      { id: 'job.expire-leases', job: 'expire-leases', kind: 'job', attempts: 2 },
    ]);
    expect((await retry('job.expire-leases')).status).toBe(202);
    await runJob(billing.ctx, 'expire-leases');
    expect(await failures()).toEqual([]);
  });
});

describe('GET /jobs', () => {
  test('lists every job of the table with its schedule', async () => {
    const { status, body } = await billing.operator('GET', '/jobs');
    expect(status).toBe(200);
    expect(body.data.map(({ name }: any) => name)).toEqual(jobs.map(({ name }) => name));
    expect(body.data[0]).toMatchObject({ name: 'process-stripe-event', schedule: 'every 5 s' });
    expect(body.queue).toMatchObject({ runs_on: 'postgres', reachable: true, warning: null });
  });

  test('is for operators, and so are the failures', async () => {
    const { call } = await billing.customer();
    for (const path of ['/jobs', '/jobs/failures'])
      expect((await call('GET', path)).status).toBe(403);
    expect((await call('POST', '/jobs/failures/job.reconcile/retry', {})).status).toBe(403);
  });

  test('the failures are paged; what does not fail cannot be tried again', async () => {
    await sql(
      `INSERT INTO job_attempt (kind, id, attempts, last_error, next_attempt_at, updated_at)
       SELECT 'api_key', 'key_' || n, 1, 'x', now() + interval '1 hour', now() FROM generate_series(1, 5) n`,
    );
    const first = (await billing.operator('GET', '/jobs/failures?limit=3')).body;
    const second = (
      await billing.operator('GET', `/jobs/failures?limit=3&cursor=${first.next_cursor}`)
    ).body;
    expect([...first.data, ...second.data].map(({ object_id }: any) => object_id)).toEqual(
      [1, 2, 3, 4, 5].map((n) => `key_${n}`),
    );
    expect(second.next_cursor).toBeNull();
    expect((await billing.operator('GET', '/jobs/failures?cursor=nonsense!')).status).toBe(422);
    expect((await retry('api_key.key_6')).status).toBe(404);
    await sql('DELETE FROM job_attempt');
  });
});

describe('a tick', () => {
  const claim = (at: number, id: string) =>
    claimTick(billing.ctx, { name: 'ticking', every: 60_000, tick: { at, id } });

  test('is run by whoever comes first, and again only where its worker died', async () => {
    const noon = Math.floor(Date.now() / 60_000) * 60_000;
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map((id) => claim(noon + 5_000, id)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    const winner = 'abcd'[claims.indexOf(true)]!;
    expect(await claim(noon + 5_000, winner)).toBe(true);
    expect(await claim(noon + 59_000, 'e')).toBe(false);
    expect(await claim(noon + 60_000, 'f')).toBe(true);
    expect(await claim(noon + 5_000, winner)).toBe(false);
  });

  test.each(queueHomes)(
    'has one run with four workers on $home, also when the schedule is made anew meanwhile',
    async ({ start }) => {
      const home = await start();
      const every = 1_000;
      const name = `ticks-on-${home.redis ? 'redis' : 'postgres'}`;
      const log = createLog({ level: 'silent', service: 'test' });
      const intervals: number[] = [];
      const queues = Array.from({ length: 4 }, () =>
        createQueue({ url: home.database.url, redisUrl: home.redis?.url, log }),
      );
      for (const queue of queues) {
        await queue.schedule([{ name, every }]);
        await queue.work(async (_name, tick) => {
          if (tick && (await claimTick(billing.ctx, { name, every, tick }))) {
            intervals.push(Math.floor(tick.at / every));
          }
        });
      }
      await until('some have passed', () => intervals.length >= 3, 30_000);
      for (const queue of queues) await queue.schedule([{ name, every }]);
      if (home.redis) await home.redis.flush();
      for (const queue of queues) await queue.schedule([{ name, every }]);
      await until('more have passed', () => intervals.length >= 7, 30_000);
      await Promise.all(queues.map((queue) => queue.close()));
      expect(intervals).toEqual([...new Set(intervals)]);
      await home.close();
    },
    90_000,
  );
});
