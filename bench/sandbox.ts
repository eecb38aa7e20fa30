// How long the sandbox takes for a year of monthly subscriptions, state on disk, driven with the
// official SDK over HTTP: `node --import tsx bench/sandbox.ts [subscriptions]`. Checks what came out,
// prints one JSON object and one line for people.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { createSandbox } from '../src/sandbox/sandbox.ts';

const subscriptions = Number(process.argv[2] ?? 1000);
const concurrency = 16;
const days = 365;
const folder = mkdtempSync(join(tmpdir(), 'sandbox-bench-'));
const sandbox = await createSandbox({ dataDir: folder });
const stripe = new Stripe(sandbox.secretKey, {
  host: '127.0.0.1',
  port: new URL(sandbox.url).port,
  protocol: 'http',
});

const seconds = async (work: () => Promise<void>): Promise<number> => {
  const started = performance.now();
  await work();
  return Math.round(performance.now() - started) / 1000;
};

const control = async (method: string, path: string, body?: object) => {
  const answer = await fetch(`${sandbox.url}/_sandbox${path}`, {
    method,
    headers: {
      authorization: `Bearer ${sandbox.secretKey}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as { now: string; status: string };
};

const price = await stripe.prices.create({
  currency: 'usd',
  unit_amount: 1000,
  recurring: { interval: 'month' },
  product_data: { name: 'Pro' },
});

const subscribe = async (): Promise<void> => {
  const customer = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
};

const made = await seconds(async () => {
  let left = subscriptions;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await subscribe();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
});

const year = await seconds(async () => {
  const { now } = await control('GET', '/clock');
  const target = new Date(Date.parse(now) + days * 86_400_000 + 2 * 3_600_000).toISOString();
  await control('POST', '/clock', { now: target });
  while ((await control('GET', '/clock')).status !== 'ready')
    await new Promise((resolve) => setTimeout(resolve, 50));
});

let paid = 0;
for await (const invoice of stripe.invoices.list({ status: 'paid', limit: 100 }))
  if (invoice.amount_paid === 1000) paid += 1;
const expected = subscriptions * 13;
const memory = Math.round(process.memoryUsage().rss / 1e6);
const disk = ['snapshot.jsonl', 'journal.jsonl']
  .map((name) => statSync(join(folder, name)).size)
  .reduce((sum, size) => sum + size, 0);
await sandbox.close();
rmSync(folder, { recursive: true });

const result = {
  subscriptions,
  created_seconds: made,
  year_seconds: year,
  invoices_paid: paid,
  invoices_expected: expected,
  memory_mb: memory,
  disk_mb: Math.round(disk / 1e6),
  node: process.version,
  cores: availableParallelism(),
};
console.log(JSON.stringify(result));
console.log(
  `a year of ${subscriptions} monthly subscriptions in ${year} s (making them took ${made} s): ${paid} invoices paid`,
);
process.exit(paid === expected ? 0 : 1);
