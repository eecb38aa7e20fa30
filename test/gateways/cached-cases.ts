// The rows of the matrix for a gateway that keeps decisions: what may be kept, for whom, and for how long.
import { expect } from '@jest/globals';
import { until } from '../support/until.ts';
import type { Case, Scene } from './cases.ts';
import { expectDown, expectProblem, identity } from './expectation.ts';

const as = (key: string) => ({ 'X-API-Key': key });
const askedFor = ({ stand }: Scene, key: string) =>
  stand.tollgate.asked.filter(({ headers }) => headers['x-api-key'] === key).length;

export const cachedCases: Case[] = [
  {
    name: 'cache: a free route visited without a key opens no paid one',
    variant: 'cached',
    async run({ send }) {
      for (let call = 0; call < 3; call += 1)
        expect((await send({ path: '/free' })).status).toBe(200);
      expectProblem(await send({ path: '/paid' }), 401, 'key_missing');
      expect((await send({ path: '/mixed' })).status).toBe(200);
      expectProblem(await send({ method: 'POST', path: '/mixed' }), 401, 'key_missing');
      expectProblem(await send({ path: '/paid?/free' }), 401, 'key_missing');
    },
  },
  {
    name: "cache: one key's answer is no other's, nor a bearer's",
    variant: 'cached',
    async run({ stand, send }) {
      const paid = await stand.key();
      const other = await stand.key('nothing');
      const first = await send({ path: '/paid', headers: as(paid.key) });
      expect(identity(first)['x-customer-id']).toBe(paid.customer);
      const denied = await send({ path: '/paid', headers: as(other.key) });
      expectProblem(denied, 402, 'no_subscription');
      expectProblem(await send({ path: '/paid' }), 401, 'key_missing');
      const bearer = { Authorization: `Bearer ${other.key}` };
      expectProblem(await send({ path: '/paid', headers: bearer }), 402, 'no_subscription');
      const twice = { 'X-API-Key': [paid.key, other.key] };
      expectProblem(await send({ path: '/paid', headers: twice }), 401, 'key_invalid');
    },
  },
  {
    name: 'cache: an uncounted call is asked about once, and answered with the same identity',
    variant: 'cached',
    async run(scene) {
      const { key, customer } = await scene.stand.key();
      for (let call = 0; call < 40; call += 1) {
        const answer = await scene.send({ path: `/paid?call=${call}`, headers: as(key) });
        expect(identity(answer)).toMatchObject({ 'x-customer-id': customer, 'x-plan': 'pro' });
      }
      expect(askedFor(scene, key)).toBeLessThanOrEqual(8);
    },
  },
  {
    name: 'cache: a counted call is asked about and counted every time',
    variant: 'cached',
    async run(scene) {
      const { key } = await scene.stand.key();
      const statuses = [];
      for (let call = 0; call < 4; call += 1) {
        const answer = await scene.send({ path: '/search', headers: as(key) });
        statuses.push(answer.status);
        expect(answer.headers.ratelimit).toContain(`;r=${Math.max(0, 2 - call)};`);
      }
      expect(statuses).toEqual([200, 200, 200, 402]);
    },
  },
  {
    name: 'cache: a denial is kept whole, and forgotten soon after it was paid',
    variant: 'cached',
    async run(scene) {
      const { key, subscribe } = await scene.stand.key('nothing');
      const ask = () => scene.send({ path: '/paid', headers: as(key) });
      for (let call = 0; call < 5; call += 1) {
        const answer = await ask();
        expectProblem(answer, 402, 'no_subscription');
        expect(answer.headers.link).toMatch(/rel="payment"/);
      }
      await subscribe();
      await until('let through', async () => (await ask()).status === 200, 6_000);
    },
  },
  {
    name: 'cache: Tollgate down or silent, a key that was let through stays so, an unknown one gets 503',
    variant: 'cached',
    async run({ stand, wire, send }) {
      const known = await stand.key();
      const unknown = await stand.key();
      const call = { path: '/paid', headers: as(known.key) };
      // Apache keeps decisions per thread: enough calls that each has one.
      await Promise.all(Array.from({ length: 24 }, () => send(call)));
      for (const fault of ['cut', 'silence'] as const) {
        wire[fault]();
        try {
          const answer = await send(call);
          expect([fault, answer.status]).toEqual([fault, 200]);
          expect(identity(answer)['x-customer-id']).toBe(known.customer);
          expectDown(await send({ path: '/paid', headers: as(unknown.key) }));
        } finally {
          wire.cut();
          wire.mend();
        }
      }
      const again = { path: '/paid', headers: as(unknown.key) };
      await until('decided again', async () => (await send(again)).status === 200);
    },
  },
  {
    name: 'cache: an answer past its time serves while Tollgate fails',
    variant: 'cached',
    async run(scene) {
      const { stand } = scene;
      const { key } = await stand.key('late');
      const call = { path: '/paid', headers: as(key) };
      // Apache keeps decisions per thread: enough calls that each has one.
      await Promise.all(Array.from({ length: 24 }, () => scene.send(call)));
      const before = askedFor(scene, key);
      stand.tollgate.unanswered.set(key, 'hang up');
      await until('asked again, in vain', async () => {
        const answer = await scene.send(call);
        expect(identity(answer)).toMatchObject({ 'x-entitlement-access': 'warn' });
        return askedFor(scene, key) > before;
      });
    },
  },
  {
    name: 'cache: while one call asks again, the others are served the answer before',
    variant: 'cached',
    needs: 'shared decisions',
    async run(scene) {
      const { stand } = scene;
      const { key } = await stand.key('late');
      const call = { path: '/paid', headers: as(key) };
      expect((await scene.send(call)).status).toBe(200);
      stand.tollgate.unanswered.set(key, 'wait');
      const asksAgain = stand.tollgate.nextAsk(key);
      let asking = scene.send(call);
      await until('one asks again', async () => {
        asking = scene.send(call);
        return Promise.race([asksAgain.then(() => true), asking.then(() => false)]);
      });
      const another = scene.send(call).then(({ status }) => `another: ${status}`);
      const first = await Promise.race([another, asking.then(() => 'the one that asks')]);
      expect(first).toBe('another: 200');
      expect((await asking).status).toBe(200);
    },
  },
];
