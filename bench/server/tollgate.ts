// Tollgate's API as it runs in production, without the worker. Prints its URL.
import { readConfig } from '../../src/config.ts';
import { createContext } from '../../src/context.ts';
import { startServer } from '../../src/server.ts';

const ctx = await createContext(readConfig(), 'api');
const server = await startServer(ctx, { port: 0, host: '127.0.0.1' });
process.stdout.write(`${server.url}\n`);
process.once('SIGTERM', () => process.exit(0));
