// `tollgate reconcile`: has the service compare everything with Stripe, follows how far it is, and prints what differed.
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson, readAnswer, readSeconds } from './command.ts';
import { CliError, exitCodes } from './error.ts';
import type { Column } from './show.ts';
import { count, table, valueText } from './show.ts';

const difference = z.object({
  object: z.string(),
  field: z.string(),
  ours: z.unknown(),
  stripes: z.unknown(),
  done: z.string(),
  why: z.string(),
});
const view = z.object({
  id: z.string(),
  status: z.enum(['running', 'done', 'partial', 'failed']),
  dry_run: z.boolean(),
  checked: z.number(),
  unchecked: z.number(),
  differences: z.array(difference),
  differences_total: z.number(),
  error: z.string().nullable(),
});
type Reconciliation = z.output<typeof view>;

const columns: Column<z.output<typeof difference>>[] = [
  { title: 'OBJECT', of: ({ object }) => object },
  { title: 'FIELD', of: ({ field }) => field },
  { title: 'OURS', of: ({ ours }) => valueText(ours) },
  { title: "STRIPE'S", of: ({ stripes }) => valueText(stripes) },
  { title: 'WHY', of: ({ why }) => why },
  { title: 'DONE', of: ({ done }) => done },
];

const waitSecondsDefault = 3_600;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

type Options = JsonOption & { dryRun?: true; wait: number };

export function addReconcile(program: Command, cli: Cli): void {
  const reconcile = program
    .command('reconcile')
    .description('compare everything with Stripe, and mend what an event should have told')
    .option('--dry-run', 'mend nothing: exit code 2 where something would be')
    .option('--wait <time>', 'how long to follow it; it goes on without us', readSeconds, waitSecondsDefault); // prettier-ignore
  finish(reconcile, ['reconcile --dry-run', 'reconcile --json']).action(
    async (options: Options) => {
      const isDryRun = options.dryRun === true;
      const body = { dry_run: isDryRun };
      const started = await cli.service.ask('POST', '/reconciliations', { body });
      const { id, dry_run } = readAnswer(view, started);
      if (dry_run !== isDryRun) {
        const other = dry_run ? 'a dry run' : 'one that mends';
        cli.terminal.note(`One is under way already, ${other}: this follows it.`);
      }
      const ended = await follow(cli, id, started, options.wait * 1000);
      report(cli, ended.answer, ended.read, options);
    },
  );
}

async function follow(cli: Cli, id: string, started: unknown, waitMs: number) {
  const deadline = Date.now() + waitMs;
  let pauseMs = firstPauseMs;
  for (let answer = started; ;) {
    const read = readAnswer(view, answer);
    if (read.status !== 'running') return { answer, read };
    cli.terminal.progress(
      `Comparing with Stripe: ${read.checked} looked at, ${count(read.differences_total, 'difference')} …`,
    );
    if (Date.now() >= deadline) {
      throw new CliError(`It is still running: ${id}.`, 'Ask again with a longer --wait.');
    }
    await pause(pauseMs, undefined, { signal: cli.signal });
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    answer = await cli.service.ask('GET', `/reconciliations/${id}`);
  }
}

/** 2 where something is left that nobody has mended, 1 where not all could be looked at. */
function report(cli: Cli, answer: unknown, read: Reconciliation, { json }: JsonOption): void {
  const { status, differences, differences_total: total } = read;
  const left = differences.filter(({ done }) => done !== 'repaired').length;
  if (status !== 'done') cli.exitCode = exitCodes.error;
  else if (left > 0) cli.exitCode = exitCodes.found;
  if (json) return printJson(cli.terminal, answer);
  if (differences.length > 0)
    for (const line of table(columns, differences)) cli.terminal.say(line);
  if (total > differences.length)
    cli.terminal.note(`The first ${differences.length} of ${total} are shown.`);
  cli.terminal.say(summaryOf(read, left));
  if (read.unchecked > 0) {
    cli.terminal.note(`${count(read.unchecked, 'object')} Stripe did not answer about: ask again.`);
  }
  if (read.error) cli.terminal.note(`Error: ${read.error}`);
}

function summaryOf(
  { status, checked, dry_run, differences_total: total }: Reconciliation,
  left: number,
): string {
  const looked = `${count(checked, 'object')} compared`;
  if (status === 'failed') return `It failed: ${looked}, ${count(total, 'difference')}.`;
  if (total === 0) return `${looked}, no differences.`;
  const rest = dry_run
    ? 'nothing was changed'
    : left > 0
      ? `${left} for you to mend`
      : 'all mended';
  return `${looked}, ${count(total, 'difference')}, ${rest}.`;
}
