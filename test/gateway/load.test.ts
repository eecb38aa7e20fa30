// PostgreSQL taken away and given back while calls keep coming: no wrong denial, no lost count, and every caller
// gets an answer.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

const clients = 24;
const answersPerPhase = 300;
let f: Fixture;
let wire: TcpProxy;
let gateway: Awaited<ReturnType<Fixture['secondGateway']>>;
let customer: string;
let key: string;

beforeAll(async () => {
  f = await createFixture();
  const database = new URL(f.config.databaseUrl);
  wire = await startTcpProxy({ host: database.hostname, port: Number(database.port) });
  database.host = `127.0.0.1:${wire.port}`;
  const limit = { window: 'day', max: 1_000_000, on_exceed: 'wait', overage: null } as const;
  const plan = await f.plan('pro', [
    { feature: 'closed', limits: [limit] },
    { feature: 'open', limits: [limit] },
  ]);
  customer = await f.customer();
  await f.subscribe(customer, plan);
  key = await f.key(customer);
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/closed', access: 'feature', feature: 'closed' });
  await f.policy({ path: '/open', access: 'feature', feature: 'open', when_down: 'open' });
  gateway = await f.secondGateway({
    databaseUrl: database.href,
    databaseDirectUrl: database.href,
  });
});
afterAll(async () => {
  wire.mend();
  await gateway.close();
  await wire.close();
  await f.close();
});

type Tally = Record<string, Record<number, number>>;

/** Asks from many clients until `enough`; answers how often each path was answered how. */
async function askUntil(enough: (answers: number) => boolean, tally: Tally): Promise<void> {
  let answers = 0;
  const paths = ['/plain', '/closed', '/open'];
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let call = client; !enough(answers); call += 1) {
        const path = paths[call % paths.length]!;
        const { status } = await f.askAt(gateway.api, `GET ${path}`, key);
        const of = (tally[path] ??= {});
        of[status] = (of[status] ?? 0) + 1;
        answers += 1;
      }
    }),
  );
}

test('calls that go on through an outage are answered truthfully, and all that passed is counted', async () => {
  const tally: Tally = {};
  const phase = () => askUntil((answers) => answers >= answersPerPhase, tally);
  await phase();
  expect(Object.values(tally).map((of) => Object.keys(of))).toEqual([['200'], ['200'], ['200']]);
  for (let outage = 0; outage < 3; outage += 1) {
    const load = phase();
    wire.cut();
    await load;
    await phase();
    wire.mend();
    await phase();
  }
  await until('a counted call passes again', async () => {
    const { status } = await f.askAt(gateway.api, 'GET /closed', key);
    if (status === 200) tally['/closed']![200]! += 1;
    return status === 200;
  });

  // Never 401, 402, 403 or 429: the customer has paid, and nobody said otherwise.
  expect(Object.keys(tally['/plain']!)).toEqual(['200']);
  expect(Object.keys(tally['/open']!)).toEqual(['200']);
  expect(
    Object.keys(tally['/closed']!).filter((status) => !['200', '503'].includes(status)),
  ).toEqual([]);
  expect(tally['/closed']![503]).toBeGreaterThan(0);

  const used = async (feature: string) => {
    const { rows } = await f.sql(
      'SELECT used FROM usage_counter WHERE customer_id = $1 AND feature = $2',
      [customer, feature],
    );
    return rows[0].used as number;
  };
  const passed = { open: tally['/open']![200]!, closed: tally['/closed']![200]! };
  await until('what was let through is counted', async () => (await used('open')) >= passed.open);
  // What was counted and then refused, since nobody heard that it was, is what the cuts caught in flight.
  expect(await used('closed')).toBeGreaterThanOrEqual(passed.closed);
  expect(await used('closed')).toBeLessThanOrEqual(passed.closed + 3 * clients);
  expect(await used('open')).toBeLessThanOrEqual(passed.open + 3 * clients);
}, 120_000);
