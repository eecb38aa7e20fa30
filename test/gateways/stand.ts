// What every gateway of the matrix stands between: a real Tollgate that remembers what it was asked, and an API.
// The policies are the same for all; customers and keys are made for each case.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId } from '../../src/adapters/id.ts';
import type { PlanFeature } from '../../src/domain/plan.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createApp } from '../../src/http/app.ts';
import { createFixture } from '../gateway/fixture.ts';
import type { PolicyGiven } from '../gateway/fixture.ts';
import { startApi } from './api.ts';

export type Stand = Awaited<ReturnType<typeof startStand>>;
export type Asked = { method: string; url: string; headers: IncomingHttpHeaders };

const features: PlanFeature[] = [
  { feature: 'search', limits: [{ window: 'month', max: 3, on_exceed: 'payment', overage: null }] },
  { feature: 'burst', limits: [{ window: 'month', max: 2, on_exceed: 'wait', overage: null }] },
];

const policies: PolicyGiven[] = [
  { method: '*', path: '/free', access: 'free' },
  { method: '*', path: '/free/*', access: 'free' },
  { method: '*', path: '/closed', access: 'deny' },
  { method: '*', path: '/paid', access: 'subscription' },
  { method: '*', path: '/paid/*', access: 'subscription' },
  { method: 'GET', path: '/mixed', access: 'free' },
  { method: 'POST', path: '/mixed', access: 'subscription' },
  { method: '*', path: '/search', access: 'feature', feature: 'search' },
  { method: '*', path: '/burst', access: 'feature', feature: 'burst' },
  { method: '*', path: '/export', access: 'feature', feature: 'export' },
];

/** A period that ended without news: more than 24 hours later nobody can tell. */
const longAgo = () => ({
  stripe_subscription_id: newId('sub'),
  current_period_start: '2020-01-01',
  current_period_end: '2020-02-01',
});

/** On the ladder's step `warn`: decisions to be kept for one second. */
const late = () => ({
  status: 'past_due',
  past_due_since: new Date(Date.now() - 80 * 3_600_000).toISOString(),
});

export async function startStand() {
  const fixture = await createFixture();
  const pro = await fixture.plan('pro', features, 4_900);
  await fixture.plan('scale', [...features, { feature: 'export', limits: [] }], 19_900);
  for (const policy of policies) await fixture.policy(policy);
  await fixture.settled();
  const api = await startApi();
  const tollgate = await startTollgate(fixture.ctx);

  return {
    api,
    tollgate,
    token: fixture.tokens.gateway,
    /** A key whose customer holds the plan Pro, holds nothing until it `subscribe`s, pays late, or was not heard of. */
    async key(holds: 'pro' | 'nothing' | 'unheard' | 'late' = 'pro') {
      const customer = await fixture.customer();
      if (holds === 'pro') await fixture.subscribe(customer, pro);
      if (holds === 'unheard') await fixture.subscribe(customer, pro, longAgo());
      if (holds === 'late') await fixture.subscribe(customer, pro, late());
      const key = await fixture.key(customer);
      await fixture.settled();
      return {
        key,
        customer,
        subscribe: async () => {
          await fixture.subscribe(customer, pro);
          await fixture.settled();
        },
      };
    },
    async close() {
      await tollgate.close();
      await api.close();
      await fixture.close();
    },
  };
}

/** The real server, with an ear at its door. */
async function startTollgate(ctx: Parameters<typeof createGateway>[0]) {
  const gateway = createGateway(ctx);
  await gateway.warmUp();
  const app = createApp(ctx, { isLoaded: gateway.isReady });
  const asked: Asked[] = [];
  const unanswered = new Map<string, 'hang up' | 'wait'>();
  const listening = new Map<string, () => void>();
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    asked.push({ method: method!, url: url!, headers });
    const key = String(headers['x-api-key']);
    listening.get(key)?.();
    const fault = unanswered.get(key);
    if (fault === 'hang up') request.socket.destroy();
    else if (!fault && !gateway.handle(request, response)) app(request, response);
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    /** How many were opened so far. */
    connections: () => connections,
    /** Checks of this key are taken, and not answered, until `delete`d. */
    unanswered,
    /** Until this key is next asked about. */
    nextAsk: (key: string) => new Promise<void>((resolve) => listening.set(key, resolve)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gateway.close();
    },
  };
}
