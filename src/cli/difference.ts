// How a difference of configurations is written for people: a line for each object with what becomes of it, its fields
// before and after, and the customers whom each line touches. Decides nothing.
import type { z } from 'zod';
import type { configurationPreviewView } from '../http/schema/configuration.ts';
import { printFindings } from './audit.ts';
import { withoutDefaults } from './configuration-file.ts';
import { count } from './show.ts';
import type { Color, Terminal } from './terminal.ts';
import { clean } from './terminal.ts';

export type Outcome = z.output<typeof configurationPreviewView>;
type Change = Outcome['changes'][number];
type Touch = Change['touches'][number];
export type Losses = Outcome['losses'];

const signs: Record<Change['action'], { sign: string; color: Color }> = {
  create: { sign: '+', color: 'green' },
  restore: { sign: '+', color: 'green' },
  change: { sign: '~', color: 'yellow' },
  archive: { sign: '-', color: 'red' },
  remove: { sign: '-', color: 'red' },
};

const nouns: Record<Change['object'], string> = {
  plan: 'plan',
  route_policy: 'route',
  setting: 'setting',
};

const namedMax = 3;
const callsMax = 5;

/** All changes, what is lost by them, and what an audit says of the result. */
export function printOutcome(terminal: Terminal, outcome: Outcome): void {
  for (const change of outcome.changes) printChange(terminal, change);
  printLosses(terminal, outcome.losses);
  if (outcome.findings.length > 0) {
    terminal.say('The audit of what would run:');
    terminal.say('');
    printFindings(terminal, outcome.findings);
    terminal.say('');
  }
}

/** `2 to create, 1 to change`, or, with `done`, `2 created, 1 changed`. */
export function summaryOf({ changes, unchanged }: Outcome, done: boolean): string {
  const words: [Change['action'], string, string][] = [
    ['create', 'to create', 'created'],
    ['restore', 'to restore', 'restored'],
    ['change', 'to change', 'changed'],
    ['archive', 'to archive', 'archived'],
    ['remove', 'to remove', 'removed'],
  ];
  const sums = words.flatMap(([action, future, past]) => {
    const n = changes.filter((change) => change.action === action).length;
    return n > 0 ? [`${n} ${done ? past : future}`] : [];
  });
  const { plans, route_policies, settings } = unchanged;
  const same = plans + route_policies + settings;
  return [...sums, `${same} unchanged`].join(', ');
}

function printChange(terminal: Terminal, change: Change): void {
  const { action, object, name, version } = change;
  const { sign, color } = signs[action];
  const made = version === null ? '' : ` (version ${version})`;
  const verb = action === 'change' || action === 'create' ? '' : `: ${action}`;
  terminal.say(terminal.paint(color, clean(`${sign} ${nouns[object]} ${name}${made}${verb}`)));
  for (const line of linesOf(change)) terminal.say(`    ${clean(line)}`);
  for (const touch of change.touches)
    terminal.say(terminal.paint('cyan', `    > ${touchText(touch)}`));
  terminal.say('');
}

function linesOf(change: Change): string[] {
  const { action, fields } = change;
  if (action === 'create') return membersOf(change);
  if (action === 'archive' || action === 'remove') return [];
  return fields.map(
    ({ path, before, after: then }) => `${path}: ${shown(before)} → ${shown(then)}`,
  );
}

/** What a new object says, but for its name and what is there unless said otherwise. */
function membersOf({ object, after }: Change): string[] {
  if (typeof after !== 'object' || after === null) return [shown(after)];
  return Object.entries(withoutDefaults(object, after))
    .filter(([name]) => !named.has(name))
    .map(([name, value]) => `${name}: ${shown(value)}`);
}

const named = new Set(['key', 'method', 'path']);

/** As in the file, on one line; what is empty is left out. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value);
  const members = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return `{ ${members.map(([name, one]) => `${name}: ${shown(one)}`).join(', ')} }`;
}

function touchText({ customers, customer_ids: ids, detail }: Touch): string {
  const who = customers === null ? 'callers without a key' : count(customers, 'customer');
  return clean(`${who}: ${detail}${namesOf(ids, customers)}`);
}

function namesOf(ids: string[], total: number | null): string {
  if (ids.length === 0) return '';
  const more = (total ?? ids.length) - Math.min(ids.length, namedMax);
  return ` (${ids.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}

/** Who pays and would lose access, by plan version and answer. */
export function printLosses(terminal: Terminal, losses: Losses): void {
  const { customers, is_complete } = losses;
  if (customers === 0 && is_complete) return;
  const who = customers === 0 ? 'Nobody who pays' : count(customers, 'paying customer');
  const rest = is_complete ? '' : ', of what could be looked at: it was too much for one look';
  terminal.say(terminal.paint('red', `${who} would lose access${rest}${customers ? ':' : '.'}`));
  for (const loss of losses.data) {
    const plan =
      loss.plan === null ? 'no plan' : `${loss.plan} version ${loss.plan_version ?? '?'}`;
    const ids = namesOf(loss.customer_ids, loss.customers);
    terminal.say(
      clean(`  ${count(loss.customers, 'customer')} on ${plan}: ${loss.status} ${loss.code}${ids}`),
    );
    for (const call of loss.calls.slice(0, callsMax)) terminal.say(clean(`    ${call}`));
    const more = loss.calls.length - callsMax;
    if (more > 0) terminal.say(`    and ${more} more`);
  }
  terminal.say('');
}
