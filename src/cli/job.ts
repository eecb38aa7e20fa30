// `tollgate jobs`: how the jobs do, what they could not settle, and another attempt.
import type { Command } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption, ListOptions } from './command.ts';
import {
  addListOptions,
  finish,
  printJson,
  printList,
  printObject,
  readAnswer,
  segment,
} from './command.ts';
import type { Column } from './show.ts';
import { instant, table, valueText } from './show.ts';

const job = z.object({
  name: z.string(),
  schedule: z.string(),
  last_run: z.string().nullable(),
  last_result: z.record(z.string(), z.unknown()).nullable(),
  next_run: z.string().nullable(),
  backlog: z.number(),
  oldest_due: z.string().nullable(),
});
const jobList = z.object({
  data: z.array(job),
  queue: z.object({ warning: z.string().nullable() }),
});

const columns: Column<z.output<typeof job>>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'SCHEDULE', of: ({ schedule }) => schedule },
  { title: 'LAST RUN', of: ({ last_run }) => instant(last_run) },
  { title: 'NEXT RUN', of: ({ next_run }) => instant(next_run) },
  { title: 'BACKLOG', of: ({ backlog }) => backlog },
  { title: 'OLDEST DUE', of: ({ oldest_due }) => instant(oldest_due) },
  { title: 'RESULT', of: ({ last_result }) => last_result && resultText(last_result) },
];

const failure = z.object({
  id: z.string(),
  job: z.string(),
  attempts: z.number(),
  next_attempt_at: z.string().nullable(),
  last_error: z.string().nullable(),
});

const failureColumns: Column<z.output<typeof failure>>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'JOB', of: (one) => one.job },
  { title: 'ATTEMPTS', of: ({ attempts }) => attempts },
  { title: 'NEXT ATTEMPT', of: ({ next_attempt_at }) => instant(next_attempt_at) },
  { title: 'LAST ERROR', of: ({ last_error }) => last_error },
];

export function addJobs(program: Command, cli: Cli): void {
  const jobs = program.command('jobs').description('jobs: list, failures, retry');
  const list = jobs.command('list', { isDefault: true }).description('how each job does');
  finish(list, ['jobs', 'jobs --json']).action(async ({ json }: JsonOption) => {
    const answer = await cli.service.ask('GET', '/jobs');
    if (json) return printJson(cli.terminal, answer);
    const { data, queue } = readAnswer(jobList, answer);
    for (const line of table(columns, data)) cli.terminal.say(line);
    if (queue.warning) cli.terminal.note(`Warning: ${queue.warning}`);
  });
  const failures = jobs
    .command('failures')
    .description('what jobs could not settle; they go on trying, further and further apart');
  finish(addListOptions(failures), ['jobs failures']).action(async (options: ListOptions) => {
    const empty = 'No failures.';
    const what = { path: '/jobs/failures', view: failure, columns: failureColumns, empty };
    await printList(cli, what, options);
  });
  const retry = jobs
    .command('retry')
    .description('try a failure again now')
    .argument('<id>', 'as listed by jobs failures');
  finish(retry, ['jobs retry stripe_object.sub_1Q2w3E']).action(
    async (id: string, options: JsonOption) => {
      const path = `/jobs/failures/${segment(id)}/retry`;
      printObject(cli, await cli.service.ask('POST', path), options);
    },
  );
}

/** What was done, but for what there was nothing of. */
function resultText(result: Record<string, unknown>): string {
  const done = Object.entries(result).filter(([, value]) => value !== 0);
  return done.map(([name, value]) => `${name}=${valueText(value)}`).join(' ');
}
