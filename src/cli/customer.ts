// `tollgate customers`: who the customers are.
import type { Command } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption, ListOptions } from './command.ts';
import { addListOptions, finish, printList, printObject, segment } from './command.ts';
import type { Column } from './show.ts';
import { instant } from './show.ts';

const view = z.object({
  id: z.string(),
  external_id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  blocked: z.boolean(),
  created_at: z.string(),
});

const columns: Column<z.output<typeof view>>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'EXTERNAL ID', of: ({ external_id }) => external_id },
  { title: 'NAME', of: ({ name }) => name },
  { title: 'EMAIL', of: ({ email }) => email },
  { title: 'BLOCKED', of: ({ blocked }) => (blocked ? 'yes' : null) },
  { title: 'CREATED', of: ({ created_at }) => instant(created_at) },
];

export function addCustomers(program: Command, cli: Cli): void {
  const customers = program.command('customers').description('customers: list, get, create');
  addList(customers, cli);
  finish(customers.command('get').description('show one customer').argument('<id>', 'cus_…'), [
    'customers get cus_01hzy3v7k2m4n6p8q0r2s4t6v8',
  ]).action(async (id: string, options: JsonOption) => {
    printObject(cli, await cli.service.ask('GET', `/customers/${segment(id)}`), options);
  });
  addCreate(customers, cli);
}

function addList(customers: Command, cli: Cli): void {
  const list = customers.command('list', { isDefault: true }).description('list customers');
  finish(addListOptions(list).option('--external-id <id>', 'the one with this id of yours'), [
    'customers',
    'customers list --external-id user-4711 --json',
  ]).action(async (options: ListOptions & { externalId?: string }) => {
    const query = { external_id: options.externalId };
    const empty = 'No customers.';
    await printList(cli, { path: '/customers', query, view, columns, empty }, options);
  });
}

function addCreate(customers: Command, cli: Cli): void {
  type Options = JsonOption & { email?: string; name?: string; timezone?: string };
  const create = customers
    .command('create')
    .description('create a customer, or show the one who has this external id already')
    .argument('<external-id>', 'what you call the customer')
    .option('--email <email>', 'where notices go')
    .option('--name <name>', 'the name on invoices')
    .option('--timezone <zone>', 'where days and months of limits begin, such as Europe/Berlin');
  finish(create, ['customers create user-4711 --email a@example.com']).action(
    async (externalId: string, { json, ...fields }: Options) => {
      const body = { external_id: externalId, ...fields };
      printObject(cli, await cli.service.ask('POST', '/customers', { body }), json ? { json } : {});
    },
  );
}
