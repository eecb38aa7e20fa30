// The sandbox driven by Stripe's own CLI: its triggers, its resource commands.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { format, resolveConfig } from 'prettier';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { cliMissing, cliPage, openCli, runTriggers, triggersOf, type Cli } from './cli.ts';

const missing = cliMissing();
if (missing !== null) process.stderr.write(`${missing}\n`);
const whereItIs = missing === null ? describe : describe.skip;

whereItIs('Stripe’s CLI', () => {
  let sandbox: Sandbox;
  let cli: Cli;
  beforeAll(async () => {
    sandbox = await createSandbox();
    cli = openCli(sandbox);
  });
  afterAll(async () => {
    cli.close();
    await sandbox.close();
  });
  const object = async (args: string[]): Promise<any> => {
    const { code, text, output } = await cli.call(args);
    if (code !== 0) throw new Error(text);
    return JSON.parse(output.slice(output.indexOf('{')));
  };

  test('every trigger of what the sandbox has succeeds, and the page lists them', async () => {
    const outcomes = await runTriggers(sandbox, cli);
    const failed = outcomes.filter(({ said }) => !said.text.includes('Trigger succeeded'));
    expect(failed.map(({ trigger, said }) => `${trigger}: ${said.text}`)).toEqual([]);
    const path = new URL('../../docs/sandbox-cli.md', import.meta.url).pathname;
    const page = cliPage(await triggersOf(cli), outcomes);
    const wanted = await format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
    // Out of date: node --import tsx scripts/sandbox-cli.ts
    expect(readFileSync(path, 'utf8')).toBe(wanted);
    // A program is started for each of some ninety triggers: bounded for a busy machine.
  }, 240_000);

  test('resource commands make, change, list and delete', async () => {
    const made = await object(['customers', 'create', '--email', 'ada@example.com']);
    expect(made).toMatchObject({ object: 'customer', email: 'ada@example.com' });
    const named = await object(['customers', 'update', made.id, '--name', 'Ada']);
    expect(named.name).toBe('Ada');
    const product = await object(['products', 'create', '--name', 'Pro']);
    const price = await object([
      'prices',
      'create',
      '--currency=usd',
      '--unit-amount=1500',
      '--recurring.interval=month',
      `--product=${product.id}`,
    ]);
    expect(price).toMatchObject({ unit_amount: 1_500, recurring: { interval: 'month' } });
    const listed = await object(['prices', 'list', '--limit', '1']);
    expect(listed).toMatchObject({ object: 'list', data: [{ object: 'price' }] });
    const got = await object(['get', `/v1/customers/${made.id}`]);
    expect(got.id).toBe(made.id);
    const gone = await object(['customers', 'delete', made.id, '--confirm']);
    expect(gone).toMatchObject({ id: made.id, deleted: true });
  });

  test('an error is said in Stripe’s words', async () => {
    const { text } = await cli.call(['customers', 'retrieve', 'cus_nobody']);
    expect(text).toContain("No such customer: 'cus_nobody'");
  });
});
