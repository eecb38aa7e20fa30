// What would flip an answer: changes are tried on the check itself, one after the other until the decision says
// otherwise, so that what is told is what would happen. Bounded in depth and number.
import type { Check, Decided } from './check.ts';
import { counterName, decideCheck, rulingOf, takenOf } from './check.ts';
import type { Change, Flip } from './explanation-change.ts';
import { applyFlip } from './explanation-change.ts';
import { closings, openings } from './explanation-opening.ts';
import { remediesFor } from './explanation-remedy.ts';
import { customerOf } from './explanation-standing.ts';
import { laterInstants, waitUntil } from './explanation-time.ts';

const changesMax = 4;
const flipsMax = 6;
const triesMax = 300;

/** At most one flip per first change; those of fewer changes stand first. */
export function findFlips(check: Check, decided: Decided): Flip[] {
  const flips = decided.verdict.allowed ? denyingFlips(check, decided) : allowingFlips(check, decided); // prettier-ignore
  return flips.sort((a, b) => a.changes.length - b.changes.length).slice(0, flipsMax);
}

/** What cures the very denial, and whatever stands behind it; else another rule for the route, or another time. */
function allowingFlips(check: Check, decided: Decided): Flip[] {
  const budget = { tries: triesMax };
  const told = new Set<Change['kind']>();
  const flips: Flip[] = [];
  const seen = new Set([stateOf(decided)]);
  for (const change of remediesFor(check, decided)) {
    // Of several plans or keys the first that helps is told.
    if (told.has(change.kind)) continue;
    const changes = chain(check, [change], seen, budget);
    if (!changes || isNeedless(check, changes)) continue;
    told.add(change.kind);
    flips.push(flip(changes, null));
  }
  const alone = [openings(check), told.has('wait') ? [] : laterInstants(check).map(waitUntil)];
  return [...flips, ...alone.flatMap((changes) => firstThatAllows(check, changes))];
}

/** What follows the first change would do without it, and is told by itself. */
function isNeedless(check: Check, changes: Change[]): boolean {
  return changes.length > 1 && isAllowed(applyFlip(check, { changes: changes.slice(1) }));
}

function firstThatAllows(check: Check, changes: Change[]): Flip[] {
  const found = changes.find((change) => isAllowed(applyFlip(check, { changes: [change] })));
  return found ? [flip([found], null)] : [];
}

function isAllowed(check: Check): boolean {
  return decideCheck(check).verdict.allowed;
}

/** The change and what must follow it until the call is allowed; null: it leads nowhere new. */
function chain(
  check: Check,
  changes: Change[],
  seen: Set<string>,
  budget: { tries: number },
): Change[] | null {
  if ((budget.tries -= 1) < 0) return null;
  const after = applyFlip(check, { changes: changes.slice(-1) });
  const decided = decideCheck(after);
  if (decided.verdict.allowed) return changes;
  const state = stateOf(decided);
  if (seen.has(state) || changes.length >= changesMax) return null;
  for (const next of remediesFor(after, decided)) {
    const found = chain(after, [...changes, next], new Set([...seen, state]), budget);
    if (found) return found;
  }
  return null;
}

/** What refuses: coming back to it means that nothing was gained. */
function stateOf({ verdict, full }: Decided): string {
  return `${verdict.allowed ? '' : verdict.code} ${full ? counterName(full) : ''}`;
}

function denyingFlips(check: Check, decided: Decided): Flip[] {
  const own = [...moreUse(check, decided), ...firstEnd(check)];
  const flips = own.flatMap((change) => denied(check, change));
  if (flips.length) return flips;
  const block: Change = { kind: 'block', sentence: 'block the customer' };
  const last = [...closings(check), ...(customerOf(check) ? [block] : [])];
  return last.flatMap((change) => denied(check, change));
}

function denied(check: Check, change: Change): Flip[] {
  const { verdict } = decideCheck(applyFlip(check, { changes: [change] }));
  return verdict.allowed ? [] : [flip([change], verdict.code)];
}

/** The limit that would be full first, and by how many units. */
function moreUse(check: Check, { limits }: Decided): Change[] {
  const { cost } = rulingOf(check.book, check.asked);
  if (cost === 0) return [];
  const rooms = limits.flatMap((limit) => {
    if (limit.ceiling === null) return [];
    return [{ limit, room: limit.ceiling - takenOf(check.usage, limit) - cost * limit.weight }];
  });
  const nearest = rooms.sort((a, b) => a.room / a.limit.weight - b.room / b.limit.weight)[0];
  if (!nearest) return [];
  const { counter, feature, window, start } = nearest.limit;
  const units = nearest.room + 1;
  const sentence = `use ${units} more of ${feature} in this ${window.replace('_', ' ')}`;
  return [{ kind: 'use_units', counter, feature, window, start: new Date(start).toISOString(), units, sentence }]; // prettier-ignore
}

/** The first instant at which time alone denies. */
function firstEnd(check: Check): Change[] {
  const ends = laterInstants(check).map(waitUntil);
  const first = ends.find((change) => {
    const { verdict } = decideCheck(applyFlip(check, { changes: [change] }));
    return !verdict.allowed;
  });
  return first ? [first] : [];
}

function flip(changes: Change[], code: Flip['code']): Flip {
  const words = changes.map(({ sentence }) => sentence).join(', then ');
  const end = code === null ? 'the call is allowed' : `the answer is ${code}`;
  const sentence = `${words[0]!.toUpperCase()}${words.slice(1)}: ${end}.`;
  return { changes, allowed: code === null, code, sentence };
}

/** Why nothing that is known would have flipped the answer. */
export function whyNoFlip(check: Check, isReproduced: boolean, flips: Flip[]): string | null {
  if (flips.length) return null;
  if (!isReproduced) {
    return 'The facts or the count could not be read at that moment: what they would have said is not known.';
  }
  if ('origin' in check.asked && check.asked.origin === 'ambiguous') {
    return 'No policy, key or plan matters for a path that can be read in two ways: send another path.';
  }
  return 'No single setting, payment, plan or instant that is known leads to the other answer.';
}
