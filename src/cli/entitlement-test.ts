// `tollgate test`: runs the tests beside a configuration against the code that decides calls. Needs no service: it is
// for a CI of one's own.
import type { Command } from 'commander';
import { z } from 'zod';
import { bookOf } from '../domain/configured-book.ts';
import type { WrittenConfiguration } from '../domain/configuration.ts';
import { describeTestFaults } from '../domain/entitlement-test-fault.ts';
import type { Answer, EntitlementTest, TestResult } from '../domain/entitlement-test.ts';
import { runEntitlementTest } from '../domain/entitlement-test.ts';
import { explain } from '../domain/explanation.ts';
import { entitlementTests, readTest } from '../http/schema/entitlement-test.ts';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson } from './command.ts';
import { readConfigurationFile } from './configuration-file.ts';
import { CliError, exitCodes } from './error.ts';
import { readTextFile } from './file.ts';
import { count } from './show.ts';
import type { Terminal } from './terminal.ts';
import { clean } from './terminal.ts';
import type { YamlFault } from './yaml.ts';
import { describeFault, faultAt, parseYaml } from './yaml.ts';

/** A test and where it is written. */
type Placed = { test: EntitlementTest; file: string; line: number };
type Outcome = Placed & TestResult;
type Rows = z.output<typeof entitlementTests>;
type Locate = Parameters<typeof faultAt>[0];

export function addTest(program: Command, cli: Cli): void {
  const command = program
    .command('test')
    .description('run the tests beside a configuration; needs no service')
    .argument('<file>', 'the configuration, tollgate.yaml; - for stdin')
    .option('--tests <file>', 'a file with further tests');
  finish(command, ['test tollgate.yaml', 'test tollgate.yaml --tests tests.yaml --json']).action(
    async (file: string, options: JsonOption & { tests?: string }) => {
      const configuration = readConfigurationFile(await readTextFile(file, cli.terminal));
      if (configuration.faults) throw badFile(file, configuration.faults);
      const { configuration: written, tests, locate } = configuration;
      const book = bookOf(written);
      const placed = place({ file, rows: tests, locate, at: ['tests'] }, written, book);
      if (options.tests !== undefined) {
        placed.push(...(await readFurther(cli, options.tests, written, book)));
      }
      if (placed.length === 0) {
        throw new CliError(
          `There are no tests in ${file}.`,
          'Add a section tests, or name a file of them with --tests.',
        );
      }
      const outcomes = placed.map((one) => ({ ...one, ...runEntitlementTest(one.test, book) }));
      report(cli, outcomes, options);
    },
  );
}

const furtherTests = z.strictObject({ tests: entitlementTests });

async function readFurther(
  cli: Cli,
  file: string,
  written: WrittenConfiguration,
  book: ReturnType<typeof bookOf>,
): Promise<Placed[]> {
  const read = parseYaml(await readTextFile(file, cli.terminal), furtherTests);
  if ('faults' in read) throw badFile(file, read.faults);
  const { value, locate } = read;
  return place({ file, rows: value.tests, locate, at: ['tests'] }, written, book);
}

/** Throws where a test names what the configuration does not have. */
function place(
  from: { file: string; rows: Rows; locate: Locate; at: string[] },
  { route_policies = [] }: WrittenConfiguration,
  book: ReturnType<typeof bookOf>,
): Placed[] {
  const policies = new Set(route_policies.map(({ method, path }) => `${method} ${path}`));
  const faults: YamlFault[] = [];
  const placed = from.rows.map((row, at) => {
    const test = readTest(row);
    for (const { pointer, detail } of describeTestFaults(test, book, policies)) {
      faults.push(
        faultAt(from.locate, { pointer: `/${from.at.join('/')}/${at}${pointer}`, detail }),
      );
    }
    return { test, file: from.file, line: from.locate([...from.at, at]).line };
  });
  if (faults.length) throw badFile(from.file, faults);
  return placed;
}

function badFile(file: string, faults: YamlFault[]): CliError {
  const lines = faults.map((fault) => `  ${clean(describeFault(file, fault))}`);
  return new CliError([`${file} is not valid:`, ...lines].join('\n'));
}

function report(cli: Cli, outcomes: Outcome[], { json }: JsonOption): void {
  const { terminal } = cli;
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0);
  if (failed.length > 0) cli.exitCode = exitCodes.found;
  if (json) return printJson(terminal, jsonOf(outcomes, failed.length));
  for (const outcome of failed) printFailure(terminal, outcome);
  const passed = terminal.paint('green', `${outcomes.length - failed.length} passed`);
  const rest = failed.length > 0 ? `, ${terminal.paint('red', `${failed.length} failed`)}` : '';
  terminal.say(`${count(outcomes.length, 'test')}: ${passed}${rest}.`);
}

function printFailure(terminal: Terminal, outcome: Outcome): void {
  const { file, line, test, got, wrong } = outcome;
  const { sentence, flips } = explanationOf(outcome);
  terminal.say(`${terminal.paint('red', 'FAIL')}  ${file}:${line}  ${clean(titleOf(test))}`);
  terminal.say(`      expected  ${answerText(test.expected, wrong)}`);
  terminal.say(`      got       ${answerText(got, wrong)}`);
  terminal.say(`      why       ${clean(sentence)}`);
  if (flips[0]) terminal.say(`      else      ${clean(flips[0].sentence)}`);
  terminal.say('');
}

function titleOf({ name, asked, plan }: EntitlementTest): string {
  const call = 'call' in asked ? asked.call : `${asked.cost} of ${asked.feature}`;
  return name ?? `${plan ?? 'no plan'}: ${call}`;
}

/** The status first, then what else differs: `402 quota_exhausted`, `access warn`. */
function answerText(answer: Partial<Answer>, wrong: (keyof Answer)[]): string {
  const { status, code } = answer;
  const head = [status, code].filter((part) => part !== undefined && part !== null).map(String);
  const others = wrong
    .filter((member) => member !== 'status' && member !== 'code')
    .map((member) => `${member} ${answer[member] ?? 'none'}`);
  const noCode = wrong.includes('code') && code === null ? ['no code'] : [];
  return clean([head.join(' '), ...noCode, ...others].filter(Boolean).join(', '));
}

function jsonOf(outcomes: Outcome[], failed: number) {
  return {
    passed: outcomes.length - failed,
    failed,
    tests: outcomes.map((outcome) => {
      const { file, line, test, got, wrong } = outcome;
      return {
        file,
        line,
        name: titleOf(test),
        passed: wrong.length === 0,
        expected: test.expected,
        got,
        explanation: wrong.length > 0 ? explanationOf(outcome) : null,
      };
    }),
  };
}

/** The facts are made up for the test: they are as old as the answer. */
function explanationOf({ check }: Outcome) {
  const { now } = check;
  return explain(check, { asOf: now, answeredAt: now, isDegraded: false });
}
