// `tollgate test`: runs the tests beside a configuration against the code that decides calls. Needs no service: it is
// for a CI of one's own.
import type { Command } from 'commander';
import { z } from 'zod';
import type { ConfiguredRules } from '../domain/configured-book.ts';
import { rulesOf } from '../domain/configured-book.ts';
import { denials } from '../domain/denial.ts';
import { describeTestFaults } from '../domain/entitlement-test-fault.ts';
import type { Answer, EntitlementTest, TestResult } from '../domain/entitlement-test.ts';
import { runEntitlementTest } from '../domain/entitlement-test.ts';
import { explain } from '../domain/explanation/explanation.ts';
import { amountOf } from '../domain/explanation/policy.ts';
import { entitlementTests, readTest } from '../http/schema/entitlement-test.ts';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson } from './command.ts';
import { readConfigurationFile } from './configuration-file.ts';
import { CliError, exitCodes } from './error.ts';
import { badFile, readTextFile } from './file.ts';
import { count } from './show.ts';
import type { Terminal } from './terminal.ts';
import { clean } from './terminal.ts';
import type { Locate, YamlFault } from './yaml.ts';
import { faultAt, parseYaml } from './yaml.ts';

/** A test and where it is written. */
type Placed = { test: EntitlementTest; file: string; line: number };
type Outcome = Placed & TestResult;
type Rows = z.output<typeof entitlementTests>;

export function addTest(program: Command, cli: Cli): void {
  const command = program
    .command('test')
    .description('run the tests beside a configuration; needs no service')
    .argument('<file>', 'the configuration, tollgate.yaml; - for stdin')
    .option('--tests <file>', 'a file with further tests');
  const examples = [
    'test tollgate.yaml',
    'test tollgate.yaml --tests tests.yaml --json',
    'export | tollgate test - --tests tests.yaml',
  ];
  finish(command, examples, 'print each test, what was expected and what came').action(
    async (file: string, options: JsonOption & { tests?: string }) => {
      const configuration = readConfigurationFile(await readTextFile(file, cli.terminal));
      if (configuration.faults) throw badFile(file, configuration.faults);
      const { tests, locate } = configuration;
      const rules = rulesOf(configuration.configuration);
      const placed = place({ file, rows: tests, locate }, rules);
      if (options.tests !== undefined)
        placed.push(...(await readFurther(cli, options.tests, rules)));
      if (placed.length === 0) {
        throw new CliError(
          `There are no tests in ${file}.`,
          'Add a section tests, or name a file of them with --tests.',
        );
      }
      const outcomes = placed.map((one) => ({ ...one, ...runEntitlementTest(one.test, rules) }));
      report(cli, outcomes, options);
    },
  );
}

const furtherTests = z.strictObject({ tests: entitlementTests });

async function readFurther(cli: Cli, file: string, rules: ConfiguredRules): Promise<Placed[]> {
  const read = parseYaml(await readTextFile(file, cli.terminal), furtherTests);
  if ('faults' in read) throw badFile(file, read.faults);
  return place({ file, rows: read.value.tests, locate: read.locate }, rules);
}

/** Throws where a test names what the configuration does not have. */
function place(
  { file, rows, locate }: { file: string; rows: Rows; locate: Locate },
  rules: ConfiguredRules,
): Placed[] {
  const faults: YamlFault[] = [];
  const placed = rows.map((row, at) => {
    const test = readTest(row);
    for (const { pointer, detail } of describeTestFaults(test, rules)) {
      faults.push(faultAt(locate, { pointer: `/tests/${at}${pointer}`, detail }));
    }
    return { test, file, line: locate(['tests', at]).line };
  });
  if (faults.length) throw badFile(file, faults);
  return placed;
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
  const told = explanationOf(outcome);
  const refusing = told.limits.filter(({ refuses }) => refuses);
  const [why, ...more] = [told.rule, told.policy, told.footing, ...refusing].flatMap((part) =>
    part ? [part.sentence] : [],
  );
  terminal.say(`${terminal.paint('red', 'FAIL')}  ${file}:${line}  ${clean(titleOf(test))}`);
  terminal.say(`      expected  ${answerText(test.expected, wrong)}`);
  terminal.say(`      got       ${answerText(got, wrong)}`);
  terminal.say(`      why       ${clean(why ?? '')}`);
  for (const sentence of more) terminal.say(`                ${clean(sentence)}`);
  const isOther = !isExpected(test.expected, got.code);
  const flips = told.flips.filter(({ code }) => isOther && isExpected(test.expected, code));
  // Who writes the configuration can change it: what a customer could do comes after that.
  const flip = flips.find(({ by }) => by === 'operator') ?? flips[0];
  if (flip) terminal.say(`      else      ${clean(flip.sentence)}`);
  terminal.say('');
}

/** Whether this answer is as the test wants it, as far as status and code go. */
function isExpected({ status, code }: Partial<Answer>, given: Answer['code']): boolean {
  if (status === undefined && code === undefined) return false;
  const givenStatus = given === null ? 200 : denials[given].status;
  return (status ?? givenStatus) === givenStatus && (code === undefined || code === given);
}

function titleOf({ name, asked, plan }: EntitlementTest): string {
  const call = 'call' in asked ? asked.call : amountOf(asked.cost, asked.feature);
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
