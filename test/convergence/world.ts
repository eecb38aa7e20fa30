// What a history is played on: a sandbox that tells nobody anything, and a fresh Tollgate of two processes' worth
// on one database. Each has its own caches, server and way to Stripe, on which answers can be held back.
import { processStripeEvent } from '../../jobs/process-stripe-event.ts';
import { createContext } from '../../src/context.ts';
import type { Context } from '../../src/context.ts';
import type { Config } from '../../src/config.ts';
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import { startServer } from '../../src/server.ts';
import { createApi } from '../support/api.ts';
import type { ApiAnswer } from '../support/api.ts';
import { testConfig } from '../support/config.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestSandbox } from '../support/sandbox.ts';
import { openStripeProxy } from '../support/stripe-proxy.ts';
import type { StripeCall } from '../support/stripe-proxy.ts';
import { control, stripeFor } from '../support/stripe.ts';
import { until } from '../support/until.ts';

/** A history replays on any day: months are as long and years as leap as they were. */
const start = new Date('2030-01-15T10:00:00Z');
const prices = { pro: 4_900, scale: 19_900, team: 900 };
const runsAtOnce = 2;

export type World = Awaited<ReturnType<typeof openWorld>>;
export type Process = Awaited<ReturnType<typeof startProcess>>;
/** Decides how long an answer is held back. */
export type Hold = (call: StripeCall) => Promise<void>;

export async function openWorld(hold: Hold) {
  const database = await createTestDatabase();
  const alone = testConfig({ DATABASE_URL: database.url });
  const sandbox = await createSandbox({ secretKey: alone.stripeSecretKey });
  const config = { ...alone, stripeApiBase: sandbox.url };
  const stripe = stripeFor(sandbox);
  const worker = { wake: (): void => undefined };
  const processes = [
    await startProcess(config, sandbox, hold, () => worker.wake()),
    await startProcess(config, sandbox, hold, () => worker.wake()),
  ];
  const crew = startWorkers(processes.map(({ ctx }) => ctx));
  worker.wake = crew.wake;
  const first = processes[0]!;
  const operator = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
    first.api(method, path, {
      token: config.operatorTokens[0]!,
      ...(body === undefined ? {} : { body }),
    });
  const clock = openClock(sandbox, processes);
  await clock.moveTo(start);
  const plans = await makePlans(operator);

  return {
    config,
    sandbox,
    stripe,
    processes,
    operator,
    plans,
    clock,
    workers: crew,
    pool: first.ctx.pool,
    db: first.ctx.db,
    async close() {
      await crew.idle();
      for (const process of processes) await process.close();
      await sandbox.close();
      await database.drop();
    },
  };
}

async function startProcess(config: Config, sandbox: TestSandbox, hold: Hold, wake: () => void) {
  const own = await createContext(config, 'test');
  const proxy = await openStripeProxy(sandbox, {
    after: async (call) => void (await hold(call)),
  });
  const queue = { ...own.queue, wake: async () => wake() };
  const ctx: Context = { ...own, stripe: proxy.stripe, queue };
  const server = await startServer(ctx, { port: 0, host: '127.0.0.1' });
  return {
    ctx,
    url: server.url,
    api: createApi(server.url),
    async close() {
      await server.close();
      await own.close();
      await proxy.close();
    },
  };
}

/** The jobs as the queue runs them: a wake starts a run wherever there is room, and one at most waits. */
function startWorkers(contexts: Context[]) {
  const active = new Map(contexts.map((ctx) => [ctx, 0]));
  const running = new Set<Promise<void>>();
  let isWaiting = false;
  const wake = (): void => {
    const [ctx, count] = [...active].toSorted(([, a], [, b]) => a - b)[0]!;
    if (count >= runsAtOnce) {
      isWaiting = true;
      return;
    }
    active.set(ctx, count + 1);
    const run = processStripeEvent(ctx).then(
      () => undefined,
      () => undefined,
    );
    running.add(run);
    void run.then(() => {
      running.delete(run);
      active.set(ctx, active.get(ctx)! - 1);
      if (!isWaiting) return;
      isWaiting = false;
      wake();
    });
  };
  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.all(running);
  };
  return { wake, idle };
}

/** Both clocks; the sandbox's first, since news follows what has happened. */
function openClock(sandbox: TestSandbox, processes: Process[]) {
  const nowAtStripe = async () =>
    new Date((await control(sandbox, 'GET', '/_sandbox/clock')).now as string);
  const follow = async (to: Date): Promise<void> => {
    const { ctx } = processes[0]!;
    await ctx.pool.query('UPDATE clock SET offset_ms = $1', [to.getTime() - Date.now()]);
    for (const process of processes) await process.ctx.clock.refresh();
  };
  const moveTo = async (to: Date): Promise<void> => {
    await control(sandbox, 'POST', '/_sandbox/clock', { now: to.toISOString() });
    const isThere = async () =>
      (await control(sandbox, 'GET', '/_sandbox/clock')).status === 'ready';
    await until('the sandbox clock is there', isThere, 60_000);
    await follow(to);
  };
  return { nowAtStripe, moveTo, follow };
}

/** From price to plan. */
async function makePlans(
  operator: (method: string, path: string, body?: unknown) => Promise<ApiAnswer>,
) {
  const byPrice = new Map<string, string>();
  for (const [key, amount] of Object.entries(prices)) {
    const price = { amount, currency: 'usd', interval: 'month' };
    const { status, body } = await operator('POST', '/plans', { key, name: key, price });
    if (status !== 201) throw new Error(`plan ${key}: ${status} ${JSON.stringify(body)}`);
    byPrice.set(body.stripe_price_id as string, key);
  }
  return { byPrice, prices: [...byPrice.keys()] };
}
