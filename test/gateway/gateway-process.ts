// The gateway alone in a process of its own; prints its URL when it listens. For tests over two processes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../../src/config.ts';
import { createContext } from '../../src/context.ts';
import { createGateway } from '../../src/gateway/gateway.ts';

const ctx = await createContext(readConfig(), 'test');
const gateway = createGateway(ctx);
await gateway.warmUp();
const server = createServer((request, response) => {
  if (!gateway.handle(request, response)) response.writeHead(418).end();
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
