// What the sandbox's tests stand on: a sandbox in this process, the official SDK as its client and
// an endpoint whose judge is the SDK's constructEvent. Every answer and every event is held against
// the strict schemas of the SDK's types; closing fails on what did not fit. No mocks and no sleeps.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { createSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { createChecker, type Json } from './schema/check.ts';
import { createJudge, judgedClient, type Judge } from './schema/client.ts';

export const day = 86_400;
export const hour = 3_600;
const deadlineMs = 30_000;

export type Stand = Awaited<ReturnType<typeof openStand>>;

/** A sandbox with a client, its controls and a receiver of every event. */
export const openStand = async (options: SandboxOptions = {}) => {
  const judge = createJudge(await checker());
  const receiver = await openReceiver();
  const secret = `whsec_${'0123456789abcdef'.repeat(2)}`;
  const sandbox = await createSandbox({ ...options, webhook: { url: receiver.url, secret } });
  const stripe = clientOf(sandbox.url, sandbox.secretKey, 0, judge);
  receiver.judge = (body, signature) => {
    judge.event(JSON.parse(body) as Json);
    return stripe.webhooks.constructEvent(body, signature, secret);
  };

  const control = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method,
      headers: { authorization: `Bearer ${sandbox.secretKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const now = async (): Promise<number> =>
    Math.floor(Date.parse((await control('GET', '/clock')).body.now) / 1000);
  const delivered = () =>
    until(async () => (await control('GET', '/deliveries')).body.outstanding === 0);
  const moveTo = async (at: number): Promise<void> => {
    await control('POST', '/clock', { now: at });
    await until(async () => (await control('GET', '/clock')).body.status === 'ready');
  };

  return {
    sandbox,
    stripe,
    receiver,
    judge,
    control,
    now,
    moveTo,
    move: async (seconds: number) => moveTo((await now()) + seconds),
    delivered,
    close: async () => {
      await sandbox.close();
      await receiver.close();
      if (judge.problems.size > 0)
        throw new Error(`not as Stripe has it:\n${[...judge.problems].join('\n')}`);
    },
  };
};

let loaded: ReturnType<typeof createChecker> | undefined;
const checker = () => (loaded ??= createChecker());

export const clientOf = (url: string, key: string, retries = 0, judge?: Judge): Stripe =>
  new Stripe(key, {
    host: '127.0.0.1',
    port: new URL(url).port,
    protocol: 'http',
    maxNetworkRetries: retries,
    ...(judge === undefined ? {} : { httpClient: judgedClient(judge) }),
  });

/** Polls a condition with a bounded deadline. */
export const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('the condition did not come to hold in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const openReceiver = async () => {
  const state = {
    url: '',
    events: [] as Stripe.Event[],
    problems: [] as string[],
    /** What the endpoint answers. */
    status: 200,
    judge: (() => {
      throw new Error('not ready');
    }) as (body: string, signature: string) => Stripe.Event,
    close: async (): Promise<void> => undefined,
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      try {
        const signature = String(request.headers['stripe-signature']);
        state.events.push(state.judge(Buffer.concat(chunks).toString(), signature));
      } catch (error) {
        state.problems.push(String(error));
      }
      response.statusCode = state.status;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  state.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return state;
};

/** A product with a monthly price. */
export const monthly = (stripe: Stripe, amount: number, name = 'Pro'): Promise<Stripe.Price> =>
  stripe.prices.create({
    currency: 'usd',
    unit_amount: amount,
    recurring: { interval: 'month' },
    product_data: { name },
  });

/** A customer whose default card is the given test card. */
export const customerWith = (stripe: Stripe, card: string): Promise<Stripe.Customer> =>
  stripe.customers.create({
    email: 'ada@example.com',
    payment_method: card,
    invoice_settings: { default_payment_method: card },
  });

/** The promise's error, which must come. */
export const errorOf = async (promise: Promise<unknown>): Promise<any> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('no error came');
};
