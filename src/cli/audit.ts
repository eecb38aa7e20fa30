// `tollgate audit`: what is wrong with the configuration, the gravest first, each with the change that mends it.
import type { Command } from 'commander';
import { Option } from 'commander';
import { z } from 'zod';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson, readAnswer } from './command.ts';
import { exitCodes } from './error.ts';
import { count } from './show.ts';
import type { Color, Terminal } from './terminal.ts';
import { clean } from './terminal.ts';

const severities = ['error', 'warning', 'info'] as const;

const finding = z.object({
  code: z.string(),
  severity: z.enum(severities),
  subject: z.string(),
  detail: z.string(),
  why: z.string(),
  mend: z.string(),
});
/** What is the matter, in the form of `GET /audits/configuration`. */
export const findings = z.array(finding);
export type Finding = z.output<typeof finding>;

const view = z.object({ data: findings });

/** Prices and webhook endpoints are asked of Stripe. */
const timeoutMs = 60_000;
const colors: Record<Finding['severity'], Color> = {
  error: 'red',
  warning: 'yellow',
  info: 'cyan',
};

export function addAudit(program: Command, cli: Cli): void {
  const audit = program
    .command('audit')
    .description('say what is wrong with the configuration, here and at Stripe')
    .addOption(
      new Option('--severity <least>', 'only findings as grave as this').choices(severities).default('info'),
    ); // prettier-ignore
  finish(audit, [
    'audit',
    'audit --severity error    # for CI: exit code 2 on errors alone',
  ]).action(async (options: JsonOption & { severity: Finding['severity'] }) => {
    cli.terminal.progress('Asking the service and Stripe …');
    const answer = await cli.service.ask('GET', '/audits/configuration', { timeoutMs });
    const least = severities.indexOf(options.severity);
    const found = readAnswer(view, answer).data.filter(
      ({ severity }) => severities.indexOf(severity) <= least,
    );
    if (found.length > 0) cli.exitCode = exitCodes.found;
    if (options.json) return printJson(cli.terminal, answer);
    printFindings(cli.terminal, found);
  });
}

/** Each with its reason and its remedy, and how many there are. */
export function printFindings(terminal: Terminal, found: Finding[]): void {
  if (found.length === 0) return terminal.say('No findings.');
  for (const { severity, code, subject, detail, why, mend } of found) {
    const name = terminal.paint(colors[severity], severity.padEnd(7));
    terminal.say(`${name}  ${clean(subject)}: ${clean(detail)}`);
    terminal.say(`         ${terminal.paint('dim', code)}`);
    terminal.say(`         Why:  ${clean(why)}`);
    terminal.say(`         Mend: ${clean(mend)}`);
    terminal.say('');
  }
  const sums = severities
    .map((severity) => [found.filter((one) => one.severity === severity).length, severity] as const)
    .filter(([n]) => n > 0)
    .map(([n, severity]) => count(n, severity, severity === 'info' ? 'info' : `${severity}s`));
  terminal.say(`${count(found.length, 'finding')}: ${sums.join(', ')}.`);
}
