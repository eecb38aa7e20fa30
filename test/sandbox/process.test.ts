// The sandbox as a process of its own: starts, says where, keeps its word after kill -9, ends on
// SIGTERM, and never prints its key.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { clientOf, errorOf, until } from './stand.ts';

const key = 'sk_test_canary0123456789';
const webhookSecret = 'whsec_canary0123456789';
let folder: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-process-'));
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/sandbox/main.ts'], {
    env: {
      PATH: process.env['PATH'],
      SANDBOX_PORT: '0',
      SANDBOX_DATA_DIR: folder,
      SANDBOX_SECRET_KEY: key,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  return { child, output };
};

const urlOf = async (output: { out: string }): Promise<string> => {
  await until(async () => output.out.includes('"url"'));
  return (JSON.parse(output.out.split('\n')[0]!) as { url: string }).url;
};

test('it says where it is, never its secrets, and ends on SIGTERM', async () => {
  const { child, output } = start({
    SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:9/webhooks',
    SANDBOX_WEBHOOK_SECRET: webhookSecret,
  });
  const stripe = clientOf(await urlOf(output), key);
  const { data } = await stripe.webhookEndpoints.list();
  expect(data).toMatchObject([{ url: 'http://127.0.0.1:9/webhooks', enabled_events: ['*'] }]);
  await errorOf(clientOf(await urlOf(output), 'sk_test_other').customers.list());
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
  expect(output.out + output.err).not.toContain('canary');
});

test('after kill -9 everything it answered is still there', async () => {
  const first = start();
  const stripe = clientOf(await urlOf(first.output), key);
  const { id } = await stripe.customers.create({ name: 'kept' });
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = start();
  const again = clientOf(await urlOf(second.output), key);
  expect(await again.customers.retrieve(id)).toMatchObject({ name: 'kept' });
});

test('a taken port ends it with one line and code 1', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { child, output } = start({ SANDBOX_PORT: String(port) });
  const [code] = (await once(child, 'exit')) as [number];
  server.close();
  expect(code).toBe(1);
  expect(output.err.trim().split('\n')).toEqual([
    `sandbox: port ${port} is taken; set SANDBOX_PORT to another one`,
  ]);
});

test('a setting that is wrong ends it with its name, not its value', async () => {
  const { child, output } = start({ SANDBOX_SECRET_KEY: 'canary' });
  await once(child, 'exit');
  expect(output.err).toMatch(/^sandbox: SANDBOX_SECRET_KEY/);
  expect(output.err).not.toContain('canary');
});
