// The metrics as Prometheus scrapes them: what this process did, and what only PostgreSQL knows.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { choosePort } from '../../src/local/free-port.ts';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { runJobsOnce } from '../support/worker.ts';

let context: TestContext;
let server: TestServer;

beforeAll(async () => {
  context = await createTestContext();
  server = await startTestServer(context);
});
afterAll(async () => {
  await server.close();
  await context.close();
});

const scrape = async () => (await server.api('GET', '/metrics')).body as string;

test('checks are counted by outcome and code, with their service time', async () => {
  for (const uri of ['/nowhere', '/a%2Fb']) {
    await server.api('GET', '/entitlements', {
      headers: {
        'x-gateway-token': context.tokens.gateway,
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': uri,
      },
    });
  }
  const text = await until('the tallies are collected', async () => {
    const now = await scrape();
    return now.includes('code="path_ambiguous"') && now;
  });
  expect(text).toContain('tollgate_checks_total{outcome="deny",code="key_missing"} 1');
  expect(text).toContain('tollgate_checks_total{outcome="deny",code="path_ambiguous"} 1');
  expect(text).toContain('tollgate_check_duration_seconds_count 2');
  expect(text).toMatch(/tollgate_facts_age_seconds \d/);
});

test('runs of jobs are counted over all workers, and the backlog of events is told', async () => {
  await runJobsOnce(context.ctx);
  await runJobsOnce(context.ctx);
  await context.ctx.pool.query(
    `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at) VALUES ('evt_1', 'x', 'sub_1', '{}', $1, $1)`,
    [new Date(context.ctx.now().getTime() - 90_000)],
  );
  const text = await scrape();
  expect(text).toContain('tollgate_job_runs_total{job="process-stripe-event",result="done"} 2');
  expect(text).toContain('tollgate_job_runs_total{job="process-stripe-event",result="failed"} 0');
  expect(text).toContain('tollgate_webhook_backlog 1');
  expect(text).toMatch(/tollgate_webhook_oldest_seconds 9\d/);
});

test('no label holds an id, a key or a path as sent', async () => {
  await server.api('GET', '/customers/cus_01hzy3v7k2m4n6p8q0r2s4t6v8', {
    token: context.tokens.operator,
  });
  expect(await scrape()).not.toContain('01hzy3v7k2m4n6p8q0r2s4t6v8');
});

test('METRICS_PORT takes them off the port that customers reach', async () => {
  const port = await choosePort(null);
  const other = await createTestContext({ env: { METRICS_PORT: String(port) } });
  const apart = await startTestServer(other);
  expect((await apart.api('GET', '/metrics')).status).toBe(404);
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect([metrics.status, (await metrics.text()).includes('tollgate_checks_total')]).toEqual([
    200,
    true,
  ]);
  await apart.close();
  await other.close();
});
