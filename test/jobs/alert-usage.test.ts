// Customers hear how far their limits are used, once per threshold and window, and that there is room again.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runJob } from '../../jobs/run.ts';
import { createContext } from '../../src/context.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest({ env: { MAIL_KEEP: 'yes' } });
  const limits = (max: number) => [
    { window: 'month', max, on_exceed: 'payment' },
    { window: 'minute', max: 10, on_exceed: 'wait' },
  ];
  for (const [key, max] of [
    ['small', 100],
    ['large', 1_000],
  ] as const) {
    const made = await http.operator('POST', '/plans', {
      key,
      name: key,
      features: [{ feature: 'search', limits: limits(max) }],
    }); // prettier-ignore
    expect(made.status).toBe(201);
  }
});
afterAll(() => http.close());

let count = 0;
async function subscriber() {
  count += 1;
  const email = `u${count}@example.com`;
  const { body } = await http.operator('POST', '/customers', { external_id: `u${count}`, email });
  const id = body.id as string;
  await http.operator('POST', '/subscriptions', { customer_id: id, plan: 'small' });
  let record = 0;
  const use = async (units: number) => {
    record += 1;
    const answer = await http.operator('POST', '/usage', { customer_id: id, feature: 'search', units, id: `r${record}` }); // prettier-ignore
    expect(answer.status).toBeLessThan(300);
  };
  return { id, email, use };
}
const look = () => runJob(http.ctx, 'alert-usage');
const eventsOf = async (id: string) =>
  (await http.operator('GET', `/events?customer_id=${id}&limit=100`)).body.data
    .filter(({ type }: { type: string }) => type.startsWith('usage.'))
    .toSorted((a: any, b: any) => a.sequence - b.sequence)
    .map(({ type, data }: any) => `${type} ${data.window} ${data.percent}`);
async function mailTo(email: string): Promise<string[]> {
  await runJob(http.ctx, 'deliver-notices');
  const { body } = await http.anyone('GET', '/mail', undefined, { accept: 'application/json' });
  return body.data
    .filter(({ to }: { to: string }) => to === email)
    .map(({ subject }: { subject: string }) => subject)
    .reverse();
}
async function moveOn(days: number) {
  await http.ctx.pool.query('UPDATE clock SET offset_ms = offset_ms + $1', [days * 86_400_000]);
  await http.ctx.clock.refresh();
}

test('each threshold is told once, however often it is looked at and by however many', async () => {
  const { id, email, use } = await subscriber();
  await use(49);
  await look();
  expect(await eventsOf(id)).toEqual([]);
  await use(1);
  const other = await createContext(http.test.config, 'worker');
  await Promise.all([look(), runJob(other, 'alert-usage'), look()]);
  await other.close();
  expect(await eventsOf(id)).toEqual(['usage.threshold month 50']);
  await use(35);
  await look();
  await use(5);
  await look();
  await use(100);
  await look();
  await look();
  expect(await eventsOf(id)).toEqual([
    'usage.threshold month 50',
    'usage.threshold month 80',
    'usage.threshold month 100',
  ]);
  expect(await mailTo(email)).toEqual(['50 % of search used', '80 % of search used', '100 % of search used']); // prettier-ignore
});

test('what is passed at once is told at once, and mailed once', async () => {
  const { id, email, use } = await subscriber();
  await use(100);
  await look();
  expect(await eventsOf(id)).toHaveLength(3);
  expect(await mailTo(email)).toEqual(['100 % of search used']);
});

test('an upgrade gives room again, and the thresholds count anew', async () => {
  const { id, email, use } = await subscriber();
  await use(100);
  await look();
  const { body } = await http.operator('GET', `/subscriptions?customer_id=${id}`);
  await http.operator('PATCH', `/subscriptions/${body.data[0].id}`, { plan: 'large' });
  await look();
  expect((await eventsOf(id)).slice(3)).toEqual(['usage.recovered month 100']);
  expect((await mailTo(email)).at(-1)).toBe('search has room again');
  await use(400);
  await look();
  expect((await eventsOf(id)).slice(4)).toEqual(['usage.threshold month 50']);
});

test('an override gives room again, and its end takes it', async () => {
  const { id, use } = await subscriber();
  await use(90);
  await look();
  const soon = new Date(http.ctx.now().getTime() + 3_600_000).toISOString();
  const set = await http.operator('PUT', `/customers/${id}/overrides/search`, { extra: 900, expires_at: soon }); // prettier-ignore
  expect(set.status).toBeLessThan(300);
  await look();
  expect((await eventsOf(id)).slice(2)).toEqual(['usage.recovered month 80']);
  const told = (await http.operator('GET', `/events?customer_id=${id}&type=entitlement.changed`)).body.data; // prettier-ignore
  expect(told).toHaveLength(2);
});

test('a new month gives room again without anything being used', async () => {
  const { id, use } = await subscriber();
  await use(100);
  await look();
  await moveOn(32);
  await look();
  await look();
  expect((await eventsOf(id)).slice(3)).toEqual(['usage.recovered month 100']);
  await use(80);
  await look();
  expect((await eventsOf(id)).slice(4)).toEqual([
    'usage.threshold month 50',
    'usage.threshold month 80',
  ]);
});

test('the thresholds are a setting', async () => {
  await http.operator('PATCH', '/settings', { usage_alert_thresholds: [90] });
  const { id, use } = await subscriber();
  await use(85);
  await look();
  expect(await eventsOf(id)).toEqual([]);
  await use(5);
  await look();
  expect(await eventsOf(id)).toEqual(['usage.threshold month 90']);
  expect((await http.operator('PATCH', '/settings', { usage_alert_thresholds: [80, 50] })).status).toBe(422); // prettier-ignore
  await http.operator('PATCH', '/settings', { usage_alert_thresholds: [50, 80, 100] });
});
