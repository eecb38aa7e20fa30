// The test clock over HTTP: forward only, jobs done before it answers, hidden where time cannot be moved.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';
import { startTestWorker } from '../support/worker.ts';

let http: HttpTest;
let worker: { close: () => Promise<void> };
beforeAll(async () => {
  http = await startHttpTest();
  worker = await startTestWorker(http.test.config);
});
afterAll(async () => {
  await worker.close();
  await http.close();
});

const days = (count: number) =>
  new Date(http.ctx.now().getTime() + count * 86_400_000).toISOString();

describe('PUT /test/clock', () => {
  test('200: business time is there, keeps running, and each scheduled job has run at it', async () => {
    const target = days(35);
    const { status, body } = await http.operator('PUT', '/test/clock', { now: target });
    expect(status).toBe(200);
    expect(Date.parse(body.now)).toBeGreaterThanOrEqual(Date.parse(target));
    const runs = await http.ctx.db.jobRun.findMany();
    expect(runs.length).toBeGreaterThan(0);
    for (const run of runs) expect(run.started_at!.toISOString() >= target).toBe(true);
    const read = await http.operator('GET', '/test/clock');
    expect(Date.parse(read.body.now)).toBeGreaterThan(Date.parse(target));
    expect(Date.parse(read.body.now) - Date.parse(target)).toBeLessThan(60_000);
  });

  test('409: an earlier instant, and nothing moves', async () => {
    const before = await http.operator('GET', '/test/clock');
    const { status, body } = await http.operator('PUT', '/test/clock', { now: days(-1) });
    expect([status, body.code]).toEqual([409, 'clock_backwards']);
    const after = await http.operator('GET', '/test/clock');
    expect(after.body.now >= before.body.now).toBe(true);
  });

  test.each([
    {},
    { now: 'soon' },
    { now: 12 },
    { now: '2026-13-01T00:00:00Z' },
    { now: '9999-01-01T00:00:00Z' },
  ])('422: %j', async (body) => {
    expect((await http.operator('PUT', '/test/clock', body)).status).toBe(422);
  });

  test('a key expires by it', async () => {
    const { call } = await http.customer('clock');
    const { body } = await call('POST', '/keys', { scopes: ['manage'], expires_at: days(2) });
    expect((await http.as(body.key)('GET', '/keys')).status).toBe(200);
    await http.operator('PUT', '/test/clock', { now: days(2) });
    expect((await http.as(body.key)('GET', '/keys')).status).toBe(401);
    expect((await call('GET', '/keys')).status).toBe(200);
  });
});

describe('where time is the machine’s', () => {
  test('404 for reading and moving', async () => {
    const machine = await startHttpTest({ env: { CLOCK: 'machine' } });
    try {
      expect((await machine.operator('GET', '/test/clock')).status).toBe(404);
      const moved = await machine.operator('PUT', '/test/clock', { now: '2999-01-01T00:00:00Z' });
      expect(moved.status).toBe(404);
    } finally {
      await machine.close();
    }
  });
});
