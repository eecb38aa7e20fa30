// `tollgate explain`: why a call was, or would be, answered as it is: the service's own sentences, one part below the
// other. A key is read from stdin where it should not stand in the history of a shell.
import type { Command } from 'commander';
import { z } from 'zod';
import type { Explanation } from '../domain/explanation/explanation.ts';
import { amountOf } from '../domain/explanation/policy.ts';
import { explanationView } from '../http/schema/explanation.ts';
import type { Cli, JsonOption } from './command.ts';
import { finish, printJson, readAnswer, segment } from './command.ts';
import { CliError } from './error.ts';
import { instant } from './show.ts';
import type { Terminal } from './terminal.ts';
import { clean } from './terminal.ts';

/** Of a kept decision, what is told besides its explanation. */
const decision = z.object({
  id: z.string(),
  at: z.string(),
  explanation: explanationView.nullable(),
});

type Options = JsonOption & {
  key?: string;
  keyId?: string;
  customer?: string;
  feature?: string;
  units?: string;
};

export function addExplain(program: Command, cli: Cli): void {
  const command = program
    .command('explain')
    .description(
      'say why a call was answered as it was, or how it would be answered now; counts nothing',
    )
    .argument('[decision-or-call...]', 'dec_…, as in X-Decision-Id; or a method and a path')
    .option('--key <key>', 'who calls: an API key; - reads it from stdin')
    .option('--key-id <id>', 'who calls: key_…')
    .option('--customer <id>', 'who calls: cus_…; none of these: a call without a key')
    .option('--feature <feature>', 'instead of a call, as gateways may ask')
    .option('--units <n>', 'units of the feature');
  finish(command, [
    'explain dec_01hzy3v7k2m4n6p8q0r2s4t6v8',
    'explain --customer cus_01hzy3v7k2m4n6p8q0r2s4t6v8 GET /v1/reports',
    'explain --key - GET /v1/reports < key.txt',
  ]).action(async (words: string[], options: Options) => {
    const [first = ''] = words;
    if (words.length === 1 && first.startsWith('dec_')) await explainDecision(cli, first, options);
    else await explainCall(cli, words, options);
  });
}

async function explainDecision(cli: Cli, id: string, { json }: JsonOption): Promise<void> {
  const answer = await cli.service.ask('GET', `/decisions/${segment(id)}`);
  if (json) return void printJson(cli.terminal, answer);
  const { at, explanation } = readAnswer(decision, answer);
  cli.terminal.say(`${id}, ${instant(at)}`);
  if (explanation) return void printExplanation(cli.terminal, explanation as Explanation);
  cli.terminal.say('Nothing was looked at: the rules were not known yet, or the gateway was not.');
}

async function explainCall(cli: Cli, words: string[], options: Options): Promise<void> {
  const body = { ...(await callerOf(cli, options)), ...callOf(words, options) };
  const answer = await cli.service.ask('POST', '/explanations', { body });
  if (options.json) return void printJson(cli.terminal, answer);
  printExplanation(cli.terminal, readAnswer(explanationView, answer) as Explanation);
}

async function callerOf(cli: Cli, { key, keyId, customer }: Options) {
  const api_key = key === '-' ? (await cli.terminal.readStdin()).trim() : key;
  if (api_key === '') throw new CliError('There is no key on stdin.');
  return { api_key, key_id: keyId, customer_id: customer };
}

function callOf(words: string[], { feature, units }: Options) {
  if (feature !== undefined && words.length === 0) {
    return { feature, units: units === undefined ? undefined : Number(units) };
  }
  const [method, path] = words;
  if (words.length !== 2 || feature !== undefined) {
    throw new CliError(
      'What is to be explained?',
      'Name a decision (dec_…), a method and a path (GET /v1/reports), or --feature.',
    );
  }
  return { method, path };
}

/** The answer, then what led to it in the order of the check, then what would change it. */
function printExplanation(terminal: Terminal, told: Explanation): void {
  const { sentence, allowed, policy, beaten, key, footing, state_source, limits, facts } = told;
  terminal.say(terminal.paint(allowed ? 'green' : 'red', clean(sentence)));
  terminal.say('');
  const parts: [string, (string | undefined)[]][] = [
    ['call', [callText(told)]],
    ['policy', [policy?.sentence, ...beaten.map((other) => `beats: ${other.sentence}`)]],
    ['key', [key?.sentence]],
    ['customer', [told.customer_id ?? undefined]],
    ['plan', [footing?.sentence, state_source?.sentence]],
    ['limits', limits.map((limit) => limit.sentence)],
    ['facts', [facts.sentence]],
    [
      'to change',
      told.flips.length ? told.flips.map((flip) => flip.sentence) : [told.no_flip ?? undefined],
    ],
  ];
  for (const [name, lines] of parts) printPart(terminal, name, lines);
}

const labelWidth = 11;

function printPart(terminal: Terminal, name: string, lines: (string | undefined)[]): void {
  const given = lines.filter((line) => line !== undefined);
  for (const [at, line] of given.entries()) {
    const label = (at === 0 ? name : '').padEnd(labelWidth);
    terminal.say(`${terminal.paint('dim', label)}${clean(line)}`);
  }
}

function callText({ call }: Explanation): string {
  const { method, path, feature, units } = call;
  const taken = feature === null ? '' : amountOf(units, feature);
  if (method === null) return taken || 'a call without method and path';
  return taken ? `${method} ${path}, ${taken}` : `${method} ${path}`;
}
