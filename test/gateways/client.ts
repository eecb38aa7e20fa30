// A client that sends exactly what a test says, the raw path and repeated headers included, and keeps all that came
// back. Every call has a connection of its own, so that none inherits another's trouble.
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

export type Sent = {
  method?: string;
  path: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer;
  /** Waits for 100 Continue before the body goes out, as curl does with large ones. */
  expectContinue?: boolean;
};
export type Received = { status: number; headers: IncomingHttpHeaders; text: string; body: any };

const withinMs = 10_000;

export function send(base: string, sent: Sent): Promise<Received> {
  const { method = 'GET', path, headers = {}, body, expectContinue = false } = sent;
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: hostname,
      port,
      method,
      path,
      agent: false,
      timeout: withinMs,
      headers: {
        ...headers,
        ...(body ? { 'Content-Length': String(body.length) } : {}),
        ...(expectContinue ? { Expect: '100-continue' } : {}),
      },
    });
    let answered = false;
    outgoing.on('response', (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          body: parsed(text),
        });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${withinMs} ms`)));
    // A server that refuses a call need not read its body: the answer still counts.
    outgoing.on('error', (error) => {
      if (!answered) reject(error);
    });
    if (expectContinue) outgoing.once('continue', () => outgoing.end(body));
    else outgoing.end(body);
    if (expectContinue) outgoing.flushHeaders();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
