// `tollgate subscriptions`: what customers hold of plans, and what an operator does to it. Each verb is one call.
import type { Command } from 'commander';
import { Option } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption, ListOptions } from './command.ts';
import { addListOptions, finish, printList, printObject, readFuture, segment } from './command.ts';
import type { Column } from './show.ts';
import { instant } from './show.ts';

const view = z.object({
  id: z.string(),
  customer_id: z.string(),
  plan: z.string().nullable(),
  plan_version: z.number().nullable(),
  status: z.string(),
  quantity: z.number(),
  current_period_end: z.string().nullable(),
  cancel_at: z.string().nullable(),
  past_due_since: z.string().nullable(),
});

const columns: Column<z.output<typeof view>>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'CUSTOMER', of: ({ customer_id }) => customer_id },
  {
    title: 'PLAN',
    of: ({ plan, plan_version }) => plan && (plan_version ? `${plan} v${plan_version}` : plan),
  },
  { title: 'STATUS', of: ({ status }) => status },
  { title: 'QUANTITY', of: ({ quantity }) => quantity },
  { title: 'PERIOD ENDS', of: ({ current_period_end }) => instant(current_period_end) },
  { title: 'CANCELS', of: ({ cancel_at }) => instant(cancel_at) },
  { title: 'PAST DUE SINCE', of: ({ past_due_since }) => instant(past_due_since) },
];

const exampleId = 'sub_01hzy3v7k2m4n6p8q0r2s4t6v8';
const exampleCustomer = 'cus_01hzy3v7k2m4n6p8q0r2s4t6v8';

export function addSubscriptions(program: Command, cli: Cli): void {
  const subscriptions = program
    .command('subscriptions')
    .description('subscriptions: list, get, create, change, cancel, keep, pause, resume, timeline');
  addList(subscriptions, cli);
  finish(
    subscriptions.command('get').description('show one subscription').argument('<id>', 'sub_…'),
    [`subscriptions get ${exampleId}`],
  ).action(async (id: string, options: JsonOption) => show(cli, id, options));
  addCreate(subscriptions, cli);
  addChange(subscriptions, cli);
  addCancel(subscriptions, cli);
  for (const verb of verbs) addVerb(subscriptions, cli, verb);
  addTimeline(subscriptions, cli);
}

function addList(subscriptions: Command, cli: Cli): void {
  const list = subscriptions.command('list', { isDefault: true }).description('list subscriptions');
  finish(addListOptions(list).option('--customer <id>', 'only those of this customer'), [
    'subscriptions',
    `subscriptions list --customer ${exampleCustomer} --json`,
  ]).action(async (options: ListOptions & { customer?: string }) => {
    const query = { customer_id: options.customer };
    const what = { path: '/subscriptions', query, view, columns, empty: 'No subscriptions.' };
    await printList(cli, what, options);
  });
}

function addCreate(subscriptions: Command, cli: Cli): void {
  type Options = JsonOption & {
    customer: string;
    plan: string;
    quantity?: string;
    comped?: true;
    promotionCode?: string;
  };
  const create = subscriptions
    .command('create')
    .description('subscribe a customer to a plan')
    .requiredOption('--customer <id>', 'cus_…')
    .requiredOption('--plan <key>', "the plan's key")
    .option('--quantity <n>', 'how many of it')
    .option('--promotion-code <code>', 'a code of Stripe')
    .option('--comped', 'as a gift, of which Stripe knows nothing');
  finish(create, [`subscriptions create --customer ${exampleCustomer} --plan pro`]).action(
    async ({ customer, plan, quantity, comped, promotionCode, json }: Options) => {
      const body = {
        customer_id: customer,
        plan,
        quantity: numberOf(quantity),
        comped,
        promotion_code: promotionCode,
      };
      const answer = await cli.service.ask('POST', '/subscriptions', { body });
      printObject(cli, answer, json ? { json } : {});
    },
  );
}

function addChange(subscriptions: Command, cli: Cli): void {
  type Options = JsonOption & {
    plan?: string;
    quantity?: string;
    atPeriodEnd?: true;
    preview?: true;
  };
  const change = subscriptions
    .command('change')
    .description('move to another plan or quantity, or see what that would cost')
    .argument('<id>', 'sub_…')
    .option('--plan <key>', "the plan's key; the same one: its newest version")
    .option('--quantity <n>', 'how many of it')
    .option('--at-period-end', 'when the period ends, instead of now')
    .option('--preview', 'change nothing: show what it would cost');
  finish(change, [
    `subscriptions change ${exampleId} --plan scale --preview`,
    `subscriptions change ${exampleId} --plan scale`,
  ]).action(async (id: string, options: Options) => {
    const effective = options.atPeriodEnd ? 'period_end' : 'now';
    const body = { plan: options.plan, quantity: numberOf(options.quantity), effective };
    const path = `/subscriptions/${segment(id)}`;
    const answer = options.preview
      ? await cli.service.ask('POST', `${path}/preview`, { body })
      : await cli.service.ask('PATCH', path, { body });
    printObject(cli, answer, options);
  });
}

function addCancel(subscriptions: Command, cli: Cli): void {
  const cancel = subscriptions
    .command('cancel')
    .description('cancel at the end of the period, now, or at an instant')
    .argument('<id>', 'sub_…')
    .addOption(new Option('--now', 'at once').conflicts('at'))
    .option('--at <when>', 'such as 30d, or an instant', readFuture);
  finish(cancel, [
    `subscriptions cancel ${exampleId}`,
    `subscriptions cancel ${exampleId} --now`,
  ]).action(async (id: string, { now, at, json }: JsonOption & { now?: true; at?: string }) => {
    const body = { effective: now ? 'now' : at ? 'at' : 'period_end', at };
    const path = `/subscriptions/${segment(id)}/cancellation`;
    printObject(cli, await cli.service.ask('PUT', path, { body }), json ? { json } : {});
  });
}

type Verb = { name: string; about: string; method: 'PUT' | 'DELETE'; what: string };
const verbs: Verb[] = [
  {
    name: 'keep',
    about: 'take a cancellation back before it takes effect',
    method: 'DELETE',
    what: 'cancellation',
  },
  {
    name: 'pause',
    about: 'pause: no money is collected, and access stops',
    method: 'PUT',
    what: 'pause',
  },
  { name: 'resume', about: 'resume a paused one', method: 'DELETE', what: 'pause' },
];

function addVerb(subscriptions: Command, cli: Cli, { name, about, method, what }: Verb): void {
  finish(subscriptions.command(name).description(about).argument('<id>', 'sub_…'), [
    `subscriptions ${name} ${exampleId}`,
  ]).action(async (id: string, options: JsonOption) => {
    const body = method === 'PUT' ? { body: {} } : {};
    await cli.service.ask(method, `/subscriptions/${segment(id)}/${what}`, body);
    await show(cli, id, options);
  });
}

async function show(cli: Cli, id: string, options: JsonOption): Promise<void> {
  printObject(cli, await cli.service.ask('GET', `/subscriptions/${segment(id)}`), options);
}

const happening = z.object({
  at: z.string(),
  kind: z.string(),
  type: z.string(),
  field: z.string().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  code: z.string().nullable(),
});

const happenings: Column<z.output<typeof happening>>[] = [
  { title: 'AT', of: ({ at }) => instant(at) },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'WHAT', of: ({ field, type }) => field ?? type },
  { title: 'FROM', of: ({ from }) => from },
  { title: 'TO', of: ({ to }) => to },
  { title: 'CODE', of: ({ code }) => code },
];

function addTimeline(subscriptions: Command, cli: Cli): void {
  const timeline = subscriptions
    .command('timeline')
    .description('what happened, oldest first')
    .argument('<id>', 'sub_…');
  finish(addListOptions(timeline), [`subscriptions timeline ${exampleId}`]).action(
    async (id: string, options: ListOptions) => {
      const path = `/subscriptions/${segment(id)}/timeline`;
      const what = { path, view: happening, columns: happenings, empty: 'Nothing happened.' };
      await printList(cli, what, options);
    },
  );
}

/** What is no number goes as it is: the service names the field that is wrong. */
function numberOf(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text;
}
