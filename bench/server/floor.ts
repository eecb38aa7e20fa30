// What no check on node:http can go below: our answer's head and body as a constant, and the two hashes that finding
// a token and a key without keeping them takes. Prints its URL.
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const decision = 'dec_01jd9x7y8k5q3n8r2m4p6t7v9w';
const body = `{"allowed":true,"status":200,"access":"full","decision_id":"${decision}"}`;
const server = createServer((request, response) => {
  const { headers } = request;
  const hashes = ['x-gateway-token', 'x-api-key'].map((name) =>
    hash('sha256', String(headers[name]), 'binary'),
  );
  response.writeHead(200, [
    'Content-Type', 'application/json',
    'Cache-Control', 'no-store',
    'X-Entitlement-Status', String(hashes[0] ? 200 : 401),
    'X-Decision-Id', decision,
    'X-Customer-Id', 'cus_1',
    'X-Plan', 'pro',
    'X-Feature', 'flat',
    'X-Entitlement-Access', 'full',
    'Content-Length', String(body.length),
  ]); // prettier-ignore
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
