// Limits while 64 clients race over two processes: checks of mixed costs, records and reservations at once, and a
// process that dies in the middle. What was admitted never exceeds the limit and comes within one request of it.
import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expireReservations } from '../../jobs/expire-reservations.ts';
import { createApi } from '../support/api.ts';
import type { Api } from '../support/api.ts';
import { startMetered } from '../support/metered.ts';
import type { Metered, Subscriber } from '../support/metered.ts';
import { gatewayEnvironment, startGatewayProcess } from './fixture.ts';

const clients = 64;
const costs = [1, 2, 3, 5, 8];
const costMax = 8;
const limitOfTokens = 400;
const creditsMax = 300;

let m: Metered;
let other: { api: Api; child: ChildProcess };

beforeAll(async () => {
  m = await startMetered();
  await m.plan(
    'race',
    [
      {
        feature: 'tokens',
        limits: [
          { window: 'billing_period', max: limitOfTokens },
          { window: 'month', max: 10_000 },
        ],
      },
      { feature: 'images', pool: { pool: 'credits', cost: 3 } },
      { feature: 'texts', pool: { pool: 'credits', cost: 2 } },
      {
        feature: 'soft',
        limits: [{ window: 'month', max: 20, overage: { unit_amount_decimal: '1' } }],
      },
      {
        feature: 'softer',
        limits: [{ window: 'month', max: 10, overage: { unit_amount_decimal: '0.5' } }],
      },
    ],
    { pools: [{ pool: 'credits', limits: [{ window: 'month', max: creditsMax }] }] },
  );
  other = await startOther();
});
afterEach(async () => {
  if (other.child.exitCode === null && other.child.signalCode === null) return;
  other = await startOther();
});
afterAll(async () => {
  other.child.kill('SIGKILL');
  await m.close();
});

async function startOther(): Promise<typeof other> {
  const { child, url } = await startGatewayProcess(gatewayEnvironment(m.config));
  return { child, api: createApi(url) };
}

/** The status of a check at either process; null where it died before it answered. */
async function checkAt(who: Subscriber, feature: string, cost: number, turn: number) {
  const path = `/entitlements/features/${feature}/${cost}`;
  const headers = { 'x-gateway-token': m.tokens.gateway, 'x-api-key': who.key };
  if (turn % 2 === 0) return (await m.gateway('GET', path, undefined, headers)).status;
  const answer = await other.api('GET', path, { headers }).catch(() => null);
  return answer?.status ?? null;
}

async function counted(id: string, name: string) {
  const { rows } = await m.ctx.pool.query<{ used: number; held: number }>(
    `SELECT DISTINCT used, held FROM usage_counter WHERE customer_id = $1 AND feature = $2`,
    [id, name],
  );
  // All limits of a request or none: every window of one name shows the same.
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

const everyClient = (work: (client: number) => Promise<void>) =>
  Promise.all(Array.from({ length: clients }, (_, client) => work(client)));

describe('64 clients over two processes', () => {
  test('checks, settled and released reservations: never above the limit, within one request of it', async () => {
    const who = await m.subscriber('race');
    let admitted = 0;
    await everyClient(async (client) => {
      for (let turn = 0; turn < 5; turn += 1) {
        const cost = costs[(client + turn) % costs.length]!;
        if ((client + turn) % 3 > 0) {
          if ((await checkAt(who, 'tokens', cost, client + turn)) === 200) admitted += cost;
          continue;
        }
        const sent = { api_key: who.key, feature: 'tokens', units: cost };
        const { status, body } = await m.gateway('POST', '/usage/reservations', sent);
        expect([201, 402]).toContain(status);
        if (status !== 201) continue;
        const path = `/usage/reservations/${body.id}`;
        if (client % 5 === 0) await m.gateway('DELETE', path);
        else {
          await m.gateway('POST', `${path}/settlement`, { units: cost });
          admitted += cost;
        }
      }
    });
    // What was released at the end may have left room.
    for (let turn = 0; (await checkAt(who, 'tokens', costMax, turn)) === 200; turn += 1)
      admitted += costMax;
    expect(await counted(who.id, 'tokens')).toEqual({ used: admitted, held: 0 });
    expect(admitted).toBeLessThanOrEqual(limitOfTokens);
    expect(admitted).toBeGreaterThan(limitOfTokens - costMax);
  });

  test('records among them are all there, and what is admitted besides stays below the limit', async () => {
    const who = await m.subscriber('race');
    let admitted = 0;
    await everyClient(async (client) => {
      for (let turn = 0; turn < 4; turn += 1) {
        const cost = costs[(client + turn) % costs.length]!;
        if (turn === 1 && client % 2 === 0) {
          const id = `r${Math.floor(client / 4)}`;
          const sent = { customer_id: who.id, feature: 'tokens', units: 4, id };
          expect((await m.gateway('POST', '/usage', sent)).status).toBeLessThan(300);
        } else if ((await checkAt(who, 'tokens', cost, client + turn)) === 200) admitted += cost;
      }
    });
    const recorded = 16 * 4;
    const { used } = await counted(who.id, 'tokens');
    expect(used).toBe(admitted + recorded);
    expect(admitted).toBeLessThanOrEqual(limitOfTokens);
    expect(used).toBeGreaterThan(limitOfTokens - costMax);
  });

  test('several features on one pool: the balance is one', async () => {
    const who = await m.subscriber('race');
    let drawn = 0;
    await everyClient(async (client) => {
      for (let turn = 0; turn < 3; turn += 1) {
        const [feature, cost] =
          (client + turn) % 2 ? (['images', 3] as const) : (['texts', 2] as const);
        if ((await checkAt(who, feature, 1, client)) === 200) drawn += cost;
      }
    });
    expect(await counted(who.id, 'credits')).toEqual({ used: drawn, held: 0 });
    expect(drawn).toBeLessThanOrEqual(creditsMax);
    expect(drawn).toBeGreaterThan(creditsMax - 3);
  });

  test('several soft limits under one spend cap: never above it, within one unit of it', async () => {
    const who = await m.subscriber('race', { customer: { spend_cap: 30 } });
    const admitted = { soft: 0, softer: 0 };
    await everyClient(async (client) => {
      for (let turn = 0; turn < 3; turn += 1) {
        const feature = (client + turn) % 2 ? 'soft' : 'softer';
        if ((await checkAt(who, feature, 1, client)) === 200) admitted[feature] += 1;
      }
    });
    const cost = Math.max(0, admitted.soft - 20) + 0.5 * Math.max(0, admitted.softer - 10);
    expect(cost).toBeLessThanOrEqual(30);
    expect(cost).toBeGreaterThan(29);
  });

  test('a process that is killed in the middle loses nothing that it answered', async () => {
    const who = await m.subscriber('race');
    let admitted = 0;
    let asked = 0;
    await everyClient(async (client) => {
      for (let turn = 0; turn < 6; turn += 1) {
        asked += 1;
        if (asked === 150) other.child.kill('SIGKILL');
        const cost = costs[(client + turn) % costs.length]!;
        if ((await checkAt(who, 'tokens', cost, client + turn)) === 200) admitted += cost;
      }
    });
    const { used } = await counted(who.id, 'tokens');
    expect(used).toBeGreaterThanOrEqual(admitted);
    expect(used).toBeLessThanOrEqual(limitOfTokens);
    expect(used).toBeGreaterThan(limitOfTokens - costMax);
  });

  test('batches over the same customers in any order never wait for each other for ever', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => m.subscriber('race')));
    await everyClient(async (client) => {
      const order = client % 2 ? all : [...all].reverse();
      const records = order.flatMap(({ id }) =>
        ['tokens', 'images', 'soft', 'unknown'].map((feature) => ({
          customer_id: id,
          feature,
          units: 1,
          id: `${client} ${feature}`,
        })),
      );
      const who = all[client % all.length]!;
      const held = { customer_id: who.id, feature: 'images', units: 1, expires_in: 1 };
      const [recorded, reserved] = await Promise.all([
        m.gateway('POST', '/usage', { records }),
        m.gateway('POST', '/usage/reservations', held),
        checkAt(who, 'texts', 1, client),
        expireReservations(m.ctx),
      ]);
      expect([recorded.status, reserved.status]).toEqual([201, 201]);
      const path = `/usage/reservations/${reserved.body.id}/settlement`;
      expect((await m.gateway('POST', path, { units: 1 })).status).toBe(201);
    });
    for (const { id } of all) {
      expect(await counted(id, 'tokens')).toEqual({ used: clients, held: 0 });
      // Per customer 64 images recorded, 8 settled at 3 credits each, and 8 texts at 2.
      expect(await counted(id, 'credits')).toEqual({ used: (clients + 8) * 3 + 8 * 2, held: 0 });
    }
  });
});
