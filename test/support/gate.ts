// Stands between us and the sandbox and holds answers back until a test lets them go: the request has been
// served and the answer is on its way while the world moves on.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Stripe from 'stripe';
import { createStripe } from '../../src/adapters/stripe.ts';
import type { TestSandbox } from './sandbox.ts';
import { until } from './until.ts';

export type Gate = {
  stripe: Stripe;
  held: () => number;
  untilHeld: () => Promise<void>;
  release: () => void;
  close: () => Promise<void>;
};

/** Holds the answers to GETs whose path begins with `path`, until `release`; lets everything through after that. */
export async function openGate(sandbox: TestSandbox, path: string): Promise<Gate> {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      void (async () => {
        const headers = new Headers();
        for (const name of ['authorization', 'content-type', 'idempotency-key', 'stripe-version']) {
          const value = req.headers[name];
          if (typeof value === 'string') headers.set(name, value);
        }
        const hasBody = req.method === 'POST';
        const answer = await fetch(sandbox.url + req.url!, {
          method: req.method!,
          headers,
          ...(hasBody ? { body: Buffer.concat(chunks) } : {}),
        });
        const text = await answer.text();
        if (!isOpen && req.method === 'GET' && req.url!.startsWith(path)) {
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        res.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
      })();
    });
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    stripe: createStripe({
      stripeSecretKey: sandbox.secretKey,
      stripeApiBase: `http://127.0.0.1:${port}`,
    }),
    held: () => waiting.length,
    untilHeld: async () => void (await until('an answer is held back', () => waiting.length > 0)),
    release() {
      isOpen = true;
      for (const go of waiting.splice(0)) go();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
