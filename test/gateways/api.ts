// The API behind the gateways: says what reached it. Knows nothing of Tollgate.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the API saw of a call, which is also its answer. */
export type Seen = {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  bytes: number;
  sha256: string;
};

export async function startApi() {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    request.on('end', () => {
      const { method, url, headers } = request;
      const call = { method: method!, url: url!, headers, bytes, sha256: hash.digest('hex') };
      seen.push(call);
      if (method === 'OPTIONS') {
        response.writeHead(204, {
          'Access-Control-Allow-Origin': 'https://app.example',
          'Access-Control-Allow-Methods': 'GET, POST',
          'Access-Control-Allow-Headers': 'X-API-Key',
        });
        return response.end();
      }
      const own = /^\/free\/own\/([0-9]{3})$/.exec(url!);
      response.writeHead(own ? Number(own[1]) : 200, {
        'Content-Type': 'application/json',
        'X-Api': 'yes',
        ...(own?.[1] === '401' ? { 'WWW-Authenticate': 'Basic realm="api"' } : {}),
      });
      response.end(JSON.stringify(call));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
