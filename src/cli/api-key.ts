// `tollgate keys`: API keys. A new key's secret is all that goes to stdout, so that it can be piped on; it is shown once.
import type { Command } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption, ListOptions } from './command.ts';
import {
  addListOptions,
  collect,
  finish,
  printJson,
  printList,
  readAnswer,
  readFuture,
  readSeconds,
  segment,
} from './command.ts';
import type { Column } from './show.ts';
import { instant } from './show.ts';

const view = z.object({
  id: z.string(),
  customer_id: z.string(),
  name: z.string().nullable(),
  prefix: z.string(),
  last4: z.string(),
  scopes: z.array(z.string()),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
});
const newKey = z.object({ id: z.string(), key: z.string() });

const columns: Column<z.output<typeof view>>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'CUSTOMER', of: ({ customer_id }) => customer_id },
  { title: 'NAME', of: ({ name }) => name },
  { title: 'KEY', of: ({ prefix, last4 }) => `${prefix}…${last4}` },
  { title: 'SCOPES', of: ({ scopes }) => scopes.join(',') },
  { title: 'EXPIRES', of: ({ expires_at }) => instant(expires_at) },
  { title: 'REVOKED', of: ({ revoked_at }) => instant(revoked_at) },
  { title: 'LAST USED', of: ({ last_used_at }) => instant(last_used_at) },
];

export function addApiKeys(program: Command, cli: Cli): void {
  const keys = program.command('keys').description('API keys: list, create, rotate, revoke');
  addList(keys, cli);
  addCreate(keys, cli);
  addRotate(keys, cli);
  finish(
    keys
      .command('revoke')
      .description('end a key at once; again: nothing more happens')
      .argument('<id>', 'key_…'),
    ['keys revoke key_01hzy3v7k2m4n6p8q0r2s4t6v8'],
  ).action(async (id: string) => {
    await cli.service.ask('DELETE', `/keys/${segment(id)}`);
    cli.terminal.note(`${id} is revoked.`);
  });
}

function addList(keys: Command, cli: Cli): void {
  const list = keys.command('list', { isDefault: true }).description('list keys');
  finish(addListOptions(list).option('--customer <id>', 'only those of this customer'), [
    'keys',
    'keys list --customer cus_01hzy3v7k2m4n6p8q0r2s4t6v8',
  ]).action(async (options: ListOptions & { customer?: string }) => {
    const query = { customer_id: options.customer };
    await printList(cli, { path: '/keys', query, view, columns, empty: 'No keys.' }, options);
  });
}

function addCreate(keys: Command, cli: Cli): void {
  type Options = JsonOption & {
    customer: string;
    name?: string;
    scope?: string[];
    expires?: string;
  };
  const create = keys
    .command('create')
    .description('create a key; it is printed on stdout, this once')
    .requiredOption('--customer <id>', 'whose it is: cus_…')
    .option('--name <name>', 'what it is for')
    .option('--scope <scope>', 'call, call:{feature} or manage; may be repeated', collect)
    .option('--expires <when>', 'such as 90d, or an instant', readFuture);
  finish(create, [
    'keys create --customer cus_01hzy3v7k2m4n6p8q0r2s4t6v8 --expires 90d',
    'keys create --customer cus_01hzy3v7k2m4n6p8q0r2s4t6v8 --scope call:reports > key.txt',
  ]).action(async ({ customer, name, scope, expires, json }: Options) => {
    const body = { customer_id: customer, name, scopes: scope, expires_at: expires };
    const answer = await cli.service.ask('POST', '/keys', { body });
    printNewKey(cli, answer, json ? { json } : {});
  });
}

function addRotate(keys: Command, cli: Cli): void {
  const rotate = keys
    .command('rotate')
    .description('replace a key; the new one is printed on stdout, this once')
    .argument('<id>', 'key_…')
    .option('--overlap <time>', 'how long the old one still works, such as 1h', readSeconds, 0);
  finish(rotate, ['keys rotate key_01hzy3v7k2m4n6p8q0r2s4t6v8 --overlap 24h']).action(
    async (id: string, options: JsonOption & { overlap: number }) => {
      const body = { overlap_seconds: options.overlap };
      const path = `/keys/${segment(id)}/rotation`;
      printNewKey(cli, await cli.service.ask('POST', path, { body }), options);
    },
  );
}

function printNewKey({ terminal }: Cli, answer: unknown, { json }: JsonOption): void {
  if (json) return printJson(terminal, answer);
  const { id, key } = readAnswer(newKey, answer);
  terminal.say(key);
  terminal.note(`${id} is made. Its key is shown this once.`);
}
