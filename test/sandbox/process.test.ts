// The sandbox as a process of its own: starts, says where, keeps its word after kill -9, ends on
// SIGTERM, and never prints its key.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
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

test('killed with -9 in the middle of traffic, again and again, it keeps all that it answered', async () => {
  const kept = new Map<string, string>();
  const invoices = new Map<string, string>();
  for (let round = 0; round < 3; round += 1) {
    const { child, output } = start();
    const stripe = clientOf(await urlOf(output), key);
    for (const [id, name] of kept)
      expect(await stripe.customers.retrieve(id)).toMatchObject({ id, name });
    for (const [id, status] of invoices)
      expect(await stripe.invoices.retrieve(id)).toMatchObject({ id, status });
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 1000,
      recurring: { interval: 'month' },
      product_data: { name: 'P' },
    });
    const before = kept.size;
    const worker = async (number: number): Promise<void> => {
      for (let i = 0; ; i += 1) {
        const name = `${round} ${number} ${i}`;
        const customer = await stripe.customers.create({
          name,
          payment_method: 'pm_card_visa',
          invoice_settings: { default_payment_method: 'pm_card_visa' },
        });
        kept.set(customer.id, name);
        const made = await stripe.subscriptions.create({
          customer: customer.id,
          items: [{ price: price.id }],
          expand: ['latest_invoice'],
        });
        const invoice = made.latest_invoice as Stripe.Invoice;
        invoices.set(invoice.id, invoice.status ?? '');
      }
    };
    const traffic = Promise.allSettled([0, 1, 2, 3].map(worker));
    await until(async () => kept.size >= before + 15);
    child.kill('SIGKILL');
    await traffic;
  }
  expect(new Set(invoices.values())).toEqual(new Set(['paid']));
  const { output } = start();
  const stripe = clientOf(await urlOf(output), key);
  const all = await stripe.customers.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 });
  expect(all.map((customer) => customer.id)).toEqual(expect.arrayContaining([...kept.keys()]));
  const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 });
  const announced = events
    .filter((event) => event.type === 'customer.created')
    .map((event) => event.data.object.id);
  expect(announced.sort()).toEqual(all.map((customer) => customer.id).sort());
});

test('a second one on the same folder says so in one line and ends with 1; kill -9 leaves no lock', async () => {
  const first = start();
  await urlOf(first.output);
  const second = start();
  const [code] = (await once(second.child, 'exit')) as [number];
  expect(code).toBe(1);
  expect(second.output.err.trim().split('\n')).toEqual([
    `sandbox: another sandbox runs on ${folder}; set SANDBOX_DATA_DIR to another one`,
  ]);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const third = start();
  await urlOf(third.output);
  third.child.kill('SIGTERM');
  await once(third.child, 'exit');
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

test('of several that start at once on a folder with a dead lock exactly one runs', async () => {
  const dead = start();
  await urlOf(dead.output);
  dead.child.kill('SIGKILL');
  await once(dead.child, 'exit');
  const started = [start(), start(), start()];
  const ended = (): number => started.filter(({ child }) => child.exitCode === 1).length;
  await until(
    async () => ended() === 2 && started.some(({ output }) => output.out.includes('url')),
  );
  expect(started.filter(({ child }) => child.exitCode === null)).toHaveLength(1);
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
