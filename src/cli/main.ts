// The command line: arguments in, an exit code out. Builds the commands, runs one, and says what went wrong in a
// sentence. What a command does stands in the file of its noun.
import { Command, CommanderError } from 'commander';
import { addApiKeys } from './api-key.ts';
import { addAudit } from './audit.ts';
import type { Cli } from './command.ts';
import type { Environment } from './config.ts';
import { readConfig } from './config.ts';
import { addConfiguration } from './configuration.ts';
import { addCustomers } from './customer.ts';
import { CliError, exitCodes } from './error.ts';
import { addDecisions } from './decision.ts';
import { addTest } from './entitlement-test.ts';
import { addExplain } from './explanation.ts';
import { addJobs } from './job.ts';
import { addReconcile } from './reconciliation.ts';
import { createService } from './service.ts';
import { addSubscriptions } from './subscription.ts';
import type { Streams, Terminal } from './terminal.ts';
import { createTerminal } from './terminal.ts';

const about = `Plans, keys and billing of a Tollgate service.

It is found through TOLLGATE_URL and TOLLGATE_TOKEN (one of its operator tokens), or, where neither is set, through dev.json in the data folder of a running npm start (DATA_DIR, .tollgate).`;

const ending = `
Each command has --help with examples, and --json to print what the API answers.
Exit codes: 0 nothing to do, or done; 1 an error; 2 a difference or a finding.`;

const helpWidth = 100;

export type Surroundings = {
  /** The process's own, unless given. */
  env?: Environment;
  streams: Streams;
  /** Ctrl-C. */
  signal: AbortSignal;
};

/** Runs one command line, without the program's name; resolves to its exit code and never rejects. */
export async function runCli(
  args: string[],
  { env, streams, signal }: Surroundings,
): Promise<number> {
  const config = readConfig(env);
  const terminal = createTerminal(streams, { withColors: config.colors, signal });
  const service = createService(config.target, signal);
  const cli: Cli = { terminal, service, signal, exitCode: exitCodes.done };
  try {
    await createProgram(cli, streams).parseAsync(args, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    terminal.endProgress();
    if (error instanceof CommanderError) return error.exitCode;
    if (signal.aborted) {
      terminal.note('Interrupted.');
      return exitCodes.interrupted;
    }
    return explain(terminal, error);
  }
}

function createProgram(cli: Cli, { stdout, stderr }: Streams): Command {
  const program = new Command('tollgate')
    .description(about)
    .addHelpText('after', ending)
    .showHelpAfterError('(--help shows how it is used)')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
  addConfiguration(program, cli);
  addTest(program, cli);
  addAudit(program, cli);
  addExplain(program, cli);
  addDecisions(program, cli);
  addCustomers(program, cli);
  addApiKeys(program, cli);
  addSubscriptions(program, cli);
  addJobs(program, cli);
  addReconcile(program, cli);
  return program;
}

function explain(terminal: Terminal, error: unknown): number {
  if (error instanceof CliError) {
    terminal.note(`Error: ${error.message}`);
    if (error.hint) terminal.note(error.hint);
  } else {
    terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return exitCodes.error;
}

/** What the shell starts: with its arguments, streams and Ctrl-C. */
export async function startFromShell(): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  // `tollgate customers | head -1`: whoever read has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
  const { stdin, stdout, stderr } = process;
  process.exitCode = await runCli(process.argv.slice(2), {
    streams: { stdin, stdout, stderr },
    signal: interrupted.signal,
  });
  // Who waited for it in vain would wait on.
  stdin.destroy();
}
