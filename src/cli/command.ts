// What commands share: their options, and the ways to print an answer, as it came or for people. Knows no noun.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { readDuration } from '../domain/duration.ts';
import type { ExitCode } from './error.ts';
import { CliError } from './error.ts';
import type { Query, Service } from './service.ts';
import { rowsMax } from './service.ts';
import type { Column } from './show.ts';
import { details, table } from './show.ts';
import type { Terminal } from './terminal.ts';

/** What a command may use, and where it leaves its exit code. */
export type Cli = {
  terminal: Terminal;
  service: Service;
  signal: AbortSignal;
  exitCode: ExitCode;
};

export type JsonOption = { json?: true };
export type ListOptions = JsonOption & { limit: number; cursor?: string };

const rowsDefault = 50;

/** `--json` and examples: what every command has. */
export function finish(
  command: Command,
  examples: string[],
  json = 'print what the API answers',
): Command {
  const lines = examples.map((example) => `  $ tollgate ${example}`);
  return command.option('--json', json).addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export function addListOptions(command: Command): Command {
  return command
    .option('--limit <rows>', `rows to fetch, up to ${rowsMax}`, readLimit, rowsDefault)
    .option('--cursor <cursor>', 'go on where another list ended');
}

/** Fetches a list and prints it: whole with `--json`, else as a table. */
export async function printList<Row>(
  { terminal, service }: Cli,
  what: {
    path: string;
    query?: Query;
    view: z.ZodType<Row>;
    columns: Column<Row>[];
    /** What is said of an empty list. */
    empty: string;
  },
  options: ListOptions,
): Promise<void> {
  const page = await service.list(what.path, what.query ?? {}, options);
  if (options.json) return void printJson(terminal, page);
  const rows = page.data.map((row) => readAnswer(what.view, row));
  if (rows.length === 0) return void terminal.note(what.empty);
  for (const line of table(what.columns, rows)) terminal.say(line);
  if (page.next_cursor) {
    terminal.note(`There are more: --limit, or --cursor ${page.next_cursor}`);
  }
}

/** Prints one object, line by line or as it came. */
export function printObject({ terminal }: Cli, value: unknown, { json }: JsonOption): void {
  if (json) return void printJson(terminal, value);
  if (typeof value !== 'object' || value === null) throw notTollgate();
  for (const line of details(value)) terminal.say(line);
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.say(JSON.stringify(value, null, 2));
}

/** An answer in the form that a command relies on. */
export function readAnswer<T>(view: z.ZodType<T>, body: unknown): T {
  const read = view.safeParse(body);
  if (read.success) return read.data;
  throw notTollgate();
}

function notTollgate(): CliError {
  return new CliError(
    'The answer does not have the form that this version expects.',
    'Is the service of another version? --json prints the answer as it is.',
  );
}

/** An id in a path: whatever it is, it stays one segment. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

export function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= rowsMax) return limit;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${rowsMax}.`);
}

/** `90d` from now on, or an instant; as an instant. */
export function readFuture(text: string): string {
  return readInstant(text, (ms) => Date.now() + ms);
}

/** `24h` before now, or an instant; as an instant. */
export function readPast(text: string): string {
  return readInstant(text, (ms) => Date.now() - ms);
}

function readInstant(text: string, from: (ms: number) => number): string {
  const ms = readDuration(text);
  if (ms !== null) return new Date(from(ms)).toISOString();
  if (/^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError('It must be a time such as 24h or 90d, or 2027-01-01T00:00:00Z.');
}

/** `1h` in seconds. */
export function readSeconds(text: string): number {
  const ms = readDuration(text);
  if (ms !== null) return ms / 1000;
  throw new InvalidArgumentError('It must be a time such as 30s, 15m, 24h or 7d.');
}

/** An option that may be given several times. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
