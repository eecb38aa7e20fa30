// What the client is tested against: the running service, with a plan that runs out, one that has to wait and none.
import { createTollgate } from '../../packages/client/src/index.ts';
import type { TollgateOptions } from '../../packages/client/src/index.ts';
import { startMetered } from '../support/metered.ts';
import type { Metered } from '../support/metered.ts';

export type Service = Awaited<ReturnType<typeof startService>>;

export async function startService() {
  const metered: Metered = await startMetered();
  const limit = (max: number, on_exceed: 'payment' | 'wait') => [
    { window: 'month', max, on_exceed },
  ];
  await metered.plan('basic', [
    { feature: 'calls', limits: [] },
    { feature: 'images', limits: limit(10, 'payment') },
    { feature: 'bursts', limits: limit(1, 'wait') },
  ]);
  for (const policy of [
    { method: 'GET', path: '/free', access: 'free' },
    { method: '*', path: '/calls/*', access: 'feature', feature: 'calls' },
    { method: 'GET', path: '/images', access: 'feature', feature: 'images' },
    { method: 'GET', path: '/bursts', access: 'feature', feature: 'bursts' },
    { method: 'GET', path: '/gold', access: 'feature', feature: 'gold' },
  ]) {
    const made = await metered.operator('POST', '/route-policies', policy);
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  }
  let requests = 0;
  const counted: typeof fetch = (...request) => {
    requests += 1;
    return fetch(...request);
  };
  const subscriber = () => metered.subscriber('basic');
  return {
    ...metered,
    subscriber,
    requests: () => requests,
    fetch: counted,
    /** Patient, since machines that run tests are slow; every request of it is counted. */
    client: (options: Partial<TollgateOptions> = {}) =>
      createTollgate({
        url: metered.url,
        token: metered.tokens.gateway,
        timeoutMs: 10_000,
        fetch: counted,
        ...options,
      }),
    async used(customerId: string, feature: string) {
      const row = (await metered.usage(customerId))[`${feature} month`];
      return { used: row?.used ?? 0, held: row?.held ?? 0 };
    },
  };
}
