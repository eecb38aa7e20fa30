// A limit under processes that die: four of them, 64 clients, mixed costs, and one process killed in each round.
// A few rounds here; SOAK_ROUNDS=100 for the long run.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createApi } from '../support/api.ts';
import type { Fixture } from './fixture.ts';
import { createFixture, startGatewayProcess } from './fixture.ts';

const rounds = Number(process.env['SOAK_ROUNDS'] ?? 2);
const max = 300;
const costMax = 5;
let f: Fixture;
let processes: Awaited<ReturnType<typeof startGatewayProcess>>[];

beforeAll(async () => {
  f = await createFixture();
  processes = await Promise.all(
    Array.from({ length: 4 }, () => startGatewayProcess(f.environment)),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await f.close();
});

test(
  `in ${rounds} rounds, what is admitted never exceeds the limit and comes within one request of it`,
  async () => {
    const plan = await f.plan('pro', [
      {
        feature: 'calls',
        limits: [
          { window: 'month', max, on_exceed: 'payment', overage: null },
          { window: 'day', max: max * 2, on_exceed: 'wait', overage: null },
        ],
      },
    ]);
    for (let round = 0; round < rounds; round += 1) {
      const customer = await f.customer();
      await f.subscribe(customer, plan);
      const key = await f.key(customer);
      await f.settled();
      const admitted = await race(key, round);
      const { rows } = await f.sql(
        `SELECT "window", used FROM usage_counter WHERE customer_id = $1 ORDER BY 1`,
        [customer],
      );
      const used = rows.map((row) => row.used as number);
      // All limits of a request or none, also for a request whose process died.
      expect(used[0]).toBe(used[1]);
      expect(used[0]).toBeLessThanOrEqual(max);
      expect(used[0]).toBeGreaterThan(max - costMax);
      // What was counted for a client that never heard of it is what the dead process held.
      expect(admitted).toBeLessThanOrEqual(used[0]!);
      expect(admitted).toBeGreaterThan(max / 2);
    }
  },
  rounds * 20_000 + 60_000,
);

/** Units that clients were told they may use; all clients go on until the limit refuses them. */
async function race(key: string, round: number): Promise<number> {
  const victim = round % processes.length;
  const apis = processes.map(({ url }) => createApi(url));
  let admitted = 0;
  let asked = 0;
  let isKilled: Promise<void> | undefined;

  await Promise.all(
    Array.from({ length: 64 }, async (_, client) => {
      for (let call = client; ; call += 1) {
        const cost = 1 + (call % costMax);
        asked += 1;
        if (asked === 60) isKilled = processes[victim]!.kill();
        const status = await ask(apis[call % apis.length]!, key, cost);
        if (status === 200) admitted += cost;
        else if (status === 402) return;
      }
    }),
  );
  await isKilled;
  processes[victim] = await startGatewayProcess(f.environment);
  return admitted;
}

/** Null where the process is gone: the client asks another. */
async function ask(
  api: ReturnType<typeof createApi>,
  key: string,
  cost: number,
): Promise<number | null> {
  try {
    const { status } = await api('GET', `/entitlements/features/calls/${cost}`, {
      headers: { 'x-gateway-token': f.tokens.gateway, 'x-api-key': key },
    });
    return status;
  } catch {
    return null;
  }
}
