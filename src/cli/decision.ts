// `tollgate decisions` and `tollgate stats`: the log of what the check answered, and how often. Why one was answered so
// is told by `tollgate explain`.
import type { Command } from 'commander';
import { Option } from 'commander';
import type { z } from 'zod';
import { decisionStats, kept } from '../http/schema/decision.ts';
import type { Cli, JsonOption, ListOptions } from './command.ts';
import { addListOptions, finish, printJson, printList, readAnswer, readPast } from './command.ts';
import type { Column } from './show.ts';
import { instant, table } from './show.ts';
import type { Terminal } from './terminal.ts';
import { clean } from './terminal.ts';

const columns: Column<z.output<typeof kept>>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'AT', of: ({ at }) => instant(at) },
  { title: 'STATUS', of: ({ status }) => status },
  { title: 'CODE', of: ({ code }) => code },
  { title: 'CUSTOMER', of: ({ customer_id }) => customer_id },
  { title: 'PLAN', of: ({ plan }) => plan },
  { title: 'CALL', of: ({ method, path, feature }) => (path ? `${method} ${path}` : feature) },
];

export function addDecisions(program: Command, cli: Cli): void {
  type Options = ListOptions & Record<'customer' | 'code' | 'route' | 'since' | 'until', string | undefined> & {
    allowed?: true;
    denied?: true;
  }; // prettier-ignore
  const decisions = program
    .command('decisions')
    .description('list what the check answered, newest first: denials all, allows as sampled')
    .option('--customer <id>', 'of this customer')
    .option('--code <code>', 'denied with this code')
    .option('--route <id>', 'decided by this route policy: rp_…')
    .option('--since <when>', 'such as 24h, or an instant', readPast)
    .option('--until <when>', 'such as 1h, or an instant', readPast)
    .addOption(new Option('--denied', 'only denials').conflicts('allowed'))
    .option('--allowed', 'only what was allowed');
  finish(addListOptions(decisions), [
    'decisions --since 24h --code quota_exhausted',
    'decisions --customer cus_01hzy3v7k2m4n6p8q0r2s4t6v8 --json',
  ]).action(async ({ customer, code, route, since, until, ...options }: Options) => {
    const allowed = options.denied ? false : options.allowed;
    const query = { customer, code, route, since, until, allowed };
    const empty = 'No decisions are kept of that.';
    await printList(cli, { path: '/decisions', query, view: kept, columns, empty }, options);
  });
  addStats(program, cli);
}

type Stats = z.output<typeof decisionStats>;
type Sums = Pick<Stats['totals'], 'checks' | 'allowed' | 'denied' | 'unverifiable'>;

const sums: Column<Sums>[] = [
  { title: 'CHECKS', of: ({ checks }) => checks },
  { title: 'ALLOWED', of: ({ allowed }) => allowed },
  { title: 'DENIED', of: ({ denied }) => denied },
  { title: 'UNVERIFIABLE', of: ({ unverifiable }) => unverifiable },
];

function addStats(program: Command, cli: Cli): void {
  type Options = JsonOption & { bucket: string; since?: string; until?: string };
  const stats = program
    .command('stats')
    .description('how many checks were answered how, who is near a limit, who paid after a 402')
    .addOption(
      new Option('--bucket <length>', 'how time is cut').choices(['minute', 'hour', 'day']).default('hour'),
    )
    .option('--since <when>', 'such as 7d, or an instant', readPast)
    .option('--until <when>', 'such as 1d, or an instant', readPast); // prettier-ignore
  finish(stats, ['stats', 'stats --bucket day --since 30d --json']).action(
    async ({ json, ...query }: Options) => {
      const answer = await cli.service.ask('GET', '/stats/decisions', { query });
      if (json) return printJson(cli.terminal, answer);
      printStats(cli.terminal, readAnswer(decisionStats, answer));
    },
  );
}

function printStats(terminal: Terminal, stats: Stats): void {
  const { totals, payments } = stats;
  terminal.say(`From ${instant(stats.since)} to ${instant(stats.until)}`);
  section(terminal, [{ title: 'TOTAL', of: () => 'all checks' }, ...sums], [totals]);
  const full = stats.buckets.filter(({ checks }) => checks > 0);
  section(
    terminal,
    [{ title: stats.bucket.toUpperCase(), of: ({ start }) => instant(start) }, ...sums],
    full,
  );
  section(terminal, codeColumns, stats.codes);
  section(terminal, [{ title: 'ROUTE', of: routeText }, ...sums], stats.routes);
  section(terminal, [{ title: 'PLAN', of: ({ plan }) => plan }, ...sums], stats.plans);
  section(terminal, nearColumns, stats.near_limits);
  if (payments.customers > 0) {
    terminal.say('');
    terminal.say(
      `402 and then paid within 24 hours: ${payments.paid} of ${payments.customers} customers.`,
    );
  }
  if (totals.dropped > 0) {
    terminal.note(
      `${totals.dropped} decisions were to be kept and were not: more came than could be written.`,
    );
  }
}

const codeColumns: Column<Stats['codes'][number]>[] = [
  { title: 'CODE', of: ({ code }) => code },
  { title: 'STATUS', of: ({ status }) => status },
  { title: 'CHECKS', of: ({ checks }) => checks },
];

const nearColumns: Column<Stats['near_limits'][number]>[] = [
  { title: 'NEAR A LIMIT', of: ({ customer_id }) => customer_id },
  { title: 'PLAN', of: ({ plan }) => plan },
  { title: 'FEATURE', of: ({ feature }) => feature },
  { title: 'WINDOW', of: ({ window }) => window.replace('_', ' ') },
  { title: 'USED', of: ({ used, max }) => `${used} of ${max}` },
  { title: 'RESETS', of: ({ resets_at }) => instant(resets_at) },
];

function routeText({ route_policy_id: id, method, path }: Stats['routes'][number]): string {
  if (id === null) return 'no policy';
  if (id === '*') return 'the rest';
  return path === null ? clean(id) : `${method} ${path}`;
}

function section<Row>(terminal: Terminal, titles: Column<Row>[], rows: Row[]): void {
  if (rows.length === 0) return;
  terminal.say('');
  for (const line of table(titles, rows)) terminal.say(line);
}
