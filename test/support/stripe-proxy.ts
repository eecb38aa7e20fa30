// Stands between us and the sandbox at the wire: every request and every answer passes through here, and a test
// may hold either back, drop it, or do something meanwhile. Changes nothing of what passes.
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Stripe from 'stripe';
import { createStripe } from '../../src/adapters/stripe.ts';
import type { TestSandbox } from './sandbox.ts';

export type StripeCall = { method: string; path: string };
/** What to do at a point of a call's way; `cut` ends the connection instead of letting the call go on. */
export type Passage = (call: StripeCall) => undefined | 'cut' | Promise<undefined | 'cut'>;

export type StripeProxy = { stripe: Stripe; url: string; close: () => Promise<void> };

const passedOn = ['authorization', 'content-type', 'idempotency-key', 'stripe-version'];
const passedBack = ['content-type', 'request-id', 'idempotent-replayed', 'stripe-should-retry'];
const pass: Passage = () => undefined;

/** `before` runs when a request has come, `after` when its answer is there; both before anything is passed on. */
export async function openStripeProxy(
  sandbox: TestSandbox,
  { before = pass, after = pass }: { before?: Passage; after?: Passage },
): Promise<StripeProxy> {
  const server = createServer((request, response) => {
    const call = { method: request.method!, path: request.url! };
    const serve = async () => {
      const body = await bodyOf(request);
      if ((await before(call)) === 'cut') return void request.socket.destroy();
      const answer = await fetch(sandbox.url + call.path, {
        method: call.method,
        headers: pick(passedOn, (name) => request.headers[name] as string | undefined),
        ...(call.method === 'POST' ? { body } : {}),
      });
      const text = await answer.text();
      if ((await after(call)) === 'cut') return void request.socket.destroy();
      const headers = pick(passedBack, (name) => answer.headers.get(name) ?? undefined);
      response.writeHead(answer.status, headers).end(text);
    };
    // The sandbox has gone: so has the connection.
    serve().catch(() => request.socket.destroy());
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    stripe: createStripe({ stripeSecretKey: sandbox.secretKey, stripeApiBase: url }),
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function pick(names: string[], read: (name: string) => string | undefined): Record<string, string> {
  const entries = names.map((name) => [name, read(name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}
