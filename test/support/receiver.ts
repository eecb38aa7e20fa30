// Somebody's webhook endpoint: a real HTTP server that verifies what it gets as a receiver should, and answers as
// a test wants.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export type Received = { headers: IncomingHttpHeaders; raw: string; event: any };
export type Answer = (received: Received, req: IncomingMessage, res: ServerResponse) => unknown;

export async function openReceiver() {
  const received: Received[] = [];
  let answer: Answer = (_received, _req, res) => res.end();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      const one = { headers: req.headers, raw, event: JSON.parse(raw) };
      received.push(one);
      answer(one, req, res);
    });
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    /** Also those over which nothing was asked. */
    connections: () => connections,
    /** Everything from here on is answered so. */
    answers: (next: Answer) => (answer = next),
    answersStatus: (status: number) =>
      (answer = (_received, _req, res) => res.writeHead(status).end()),
    /** Throws where the signature is not of this secret. */
    verify: (one: Received, secret: string) =>
      new Webhook(secret).verify(one.raw, one.headers as Record<string, string>),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
