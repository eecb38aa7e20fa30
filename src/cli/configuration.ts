// `tollgate plan`, `apply` and `export`: what a file would change, its change in one transaction, and the file of what
// runs. The service decides and does all of it.
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  configurationApplyView,
  configurationPreviewView,
  configurationView,
  lossesView,
} from '../http/schema/configuration.ts';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson, readAnswer } from './command.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import { readConfigurationFile, writeConfigurationFile } from './configuration-file.ts';
import { printLosses, printOutcome, summaryOf } from './difference.ts';
import { CliError, exitCodes, ProblemError } from './error.ts';
import { badFile, readTextFile } from './file.ts';
import { clean } from './terminal.ts';
import { describeFault } from './yaml.ts';

/** Every customer's calls are decided twice, and an apply makes prices at Stripe. */
const timeoutMs = 300_000;

export function addConfiguration(program: Command, cli: Cli): void {
  addPlan(program, cli);
  addApply(program, cli);
  addExport(program, cli);
}

function addPlan(program: Command, cli: Cli): void {
  const plan = program
    .command('plan')
    .description('show what a configuration would change, and for which customers')
    .argument('<file>', 'tollgate.yaml; - for stdin');
  finish(plan, ['plan tollgate.yaml', 'plan tollgate.yaml --json | jq .losses']).action(
    async (file: string, options: JsonOption) => {
      const { configuration } = await readFile(cli, file);
      cli.terminal.progress('Comparing with what runs …');
      const body = { configuration };
      const answer = await cli.service.ask('POST', '/configuration/preview', { body, timeoutMs });
      const outcome = readAnswer(configurationPreviewView, answer);
      if (outcome.changes.length > 0) cli.exitCode = exitCodes.found;
      if (options.json) return printJson(cli.terminal, answer);
      if (outcome.changes.length === 0) return cli.terminal.say('No difference.');
      printOutcome(cli.terminal, outcome);
      cli.terminal.say(`Plan: ${summaryOf(outcome, false)}.`);
    },
  );
}

type ApplyOptions = JsonOption & { allowLoss?: true; fingerprint?: string };

function addApply(program: Command, cli: Cli): void {
  const apply = program
    .command('apply')
    .description('make what runs be what the file says, all of it or nothing')
    .argument('<file>', 'tollgate.yaml; - for stdin')
    .option('--allow-loss', 'also where paying customers lose access by it')
    .option('--fingerprint <hex>', 'only if what runs is still what plan --json told this of');
  finish(apply, ['apply tollgate.yaml', 'apply tollgate.yaml --allow-loss']).action(
    async (file: string, options: ApplyOptions) => {
      const { configuration } = await readFile(cli, file);
      cli.terminal.progress('Applying …');
      const { fingerprint, allowLoss = false } = options;
      const body = { configuration, allow_loss: allowLoss, fingerprint };
      try {
        const answer = await cli.service.ask('PUT', '/configuration', { body, timeoutMs });
        printApplied(cli, answer, options);
      } catch (error) {
        if (!printRefusal(cli, error, options)) throw error;
      }
    },
  );
}

function printApplied({ terminal }: Cli, answer: unknown, { json }: JsonOption): void {
  if (json) return printJson(terminal, answer);
  const outcome = readAnswer(configurationApplyView, answer);
  if (!outcome.applied) return terminal.say('Nothing to do.');
  printOutcome(terminal, outcome);
  terminal.say(`Applied: ${summaryOf(outcome, true)}.`);
}

/** Whether it was refused for what customers would lose: then it is told whom, and nothing has changed. */
function printRefusal(cli: Cli, error: unknown, { json }: JsonOption): boolean {
  if (!(error instanceof ProblemError)) return false;
  const losses = lossesView.safeParse(error.problem['losses']);
  if (!losses.success) return false;
  cli.exitCode = exitCodes.found;
  if (json) printJson(cli.terminal, error.problem);
  else {
    printLosses(cli.terminal, losses.data);
    cli.terminal.say('Nothing was changed. Where this is meant: --allow-loss.');
  }
  return true;
}

function addExport(program: Command, cli: Cli): void {
  const command = program
    .command('export')
    .description('write the configuration that runs')
    .argument('[file]', 'where to; stdout unless given')
    .option('--force', 'also over a file that is there');
  finish(command, ['export', 'export tollgate.yaml']).action(
    async (file: string | undefined, options: JsonOption & { force?: true }) => {
      const answer = await cli.service.ask('GET', '/configuration');
      const { configuration } = readAnswer(configurationView, answer);
      const text = options.json
        ? `${JSON.stringify(answer, null, 2)}\n`
        : writeConfigurationFile(configuration, `${cli.service.url()}/tollgate.schema.json`);
      if (file === undefined || file === '-') return cli.terminal.say(text.replace(/\n$/, ''));
      await writeNew(file, text, options.force === true);
      const { plans, route_policies } = configuration;
      cli.terminal.note(
        `${file}: ${plans.length} plans, ${route_policies.length} routes, settings.`,
      );
    },
  );
}

async function writeNew(file: string, text: string, isForced: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: isForced ? 'w' : 'wx' });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new CliError(
        `${file} is there already.`,
        'With --force it is overwritten, its tests too.',
      );
    }
    throw new CliError(`${file} cannot be written: ${code}.`);
  }
}

async function readFile(cli: Cli, file: string): Promise<ConfigurationFile> {
  const read = readConfigurationFile(await readTextFile(file, cli.terminal));
  if (read.faults) throw badFile(file, read.faults);
  for (const warning of read.warnings) {
    cli.terminal.note(`Warning: ${clean(describeFault(file, warning))}`);
  }
  return read;
}
