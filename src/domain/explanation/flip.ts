// What would flip an answer: changes are tried on the check itself, one after the other until the decision says
// otherwise, so that what is told is what would happen. Bounded in depth and number.
import type { Check, Decided } from '../check.ts';
import { counterName, decideCheck, rulingOf, takenOf } from '../check.ts';
import { applyFlip } from './apply.ts';
import type { Change, Flip } from './change.ts';
import { makerOf } from './change.ts';
import { closings, openings } from './opening.ts';
import { isTakenBack, remediesFor } from './remedy.ts';
import { customerOf } from './standing.ts';
import { laterInstants, waitUntil } from './time.ts';
import type { LimitCheck } from '../limit.ts';
import { offersWith } from '../offer.ts';

const changesMax = 4;
const flipsMax = 6;
const triesMax = 80;

/** At most one flip per first change; those of fewer changes stand first. */
export function findFlips(check: Check, decided: Decided): Flip[] {
  const flips = decided.verdict.allowed ? denyingFlips(check, decided) : allowingFlips(check, decided); // prettier-ignore
  return flips.sort((a, b) => a.changes.length - b.changes.length).slice(0, flipsMax);
}

/** What cures the very denial, and whatever stands behind it; else another rule for the route, or another time. */
function allowingFlips(check: Check, decided: Decided): Flip[] {
  const budget = { tries: triesMax };
  const seen = new Set([stateOf(check, decided)]);
  const remedies = remediesFor(check, decided);
  const kinds = new Set(remedies.map(({ kind }) => kind));
  const cures = [...kinds].flatMap((kind): Flip[] => {
    const alternatives = remedies.filter((change) => change.kind === kind);
    const alone = firstThatAllows(check, alternatives);
    if (alone.length) return alone;
    const changes = firstChain(check, alternatives, seen, budget);
    return changes ? [flip(changes, null)] : [];
  });
  const waits = laterInstants(check, decided.limits).map(waitUntil);
  return [...cures, ...firstThatAllows(check, openings(check)), ...firstThatAllows(check, waits)];
}

/** Of several plans or keys the first that helps, once more is done. */
function firstChain(
  check: Check,
  alternatives: Change[],
  seen: Set<string>,
  budget: { tries: number },
): Change[] | null {
  for (const change of alternatives) {
    const found = chain(check, [change], seen, budget);
    const changes = found && withoutNeedless(check, found);
    if (changes && !isAnother(changes, found)) return changes;
  }
  return null;
}

/** What comes after the first change may do without it: the later of two instants, say. */
function withoutNeedless(check: Check, changes: Change[]): Change[] {
  const rest = changes.slice(1);
  if (rest.length === 0 || !isAllowed(applyFlip(check, { changes: rest }))) return changes;
  return withoutNeedless(check, rest);
}

/** What helps without its first changes and is of another kind than they is found, and told, by itself. */
function isAnother(changes: Change[], found: Change[]): boolean {
  return changes.length < found.length && found.some(({ kind }) => kind !== found[0]!.kind);
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
  const state = stateOf(after, decided);
  if (seen.has(state) || changes.length >= changesMax) return null;
  for (const next of remediesFor(after, decided)) {
    const found = chain(after, [...changes, next], new Set([...seen, state]), budget);
    if (found) return found;
  }
  return null;
}

/** What refuses: coming back to it means that nothing was gained. */
function stateOf(check: Check, { verdict, full }: Decided): string {
  const code = verdict.allowed ? '' : verdict.code;
  return `${code} ${isTakenBack(check)} ${full ? counterName(full) : ''}`;
}

function denyingFlips(check: Check, decided: Decided): Flip[] {
  const own = [...moreUse(check, decided), ...firstEnd(check, decided)];
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
  const { limit, room } = nearest;
  return [useOf(limit, limit.spend ? leastThatDenies(check, limit, room + 1) : room + 1)];
}

/** Where money refuses, it may do so before the units do: `most` certainly deny. */
function leastThatDenies(check: Check, limit: LimitCheck, most: number): number {
  let [few, many] = [0, most];
  while (many - few > 1) {
    const units = few + Math.floor((many - few) / 2);
    if (isAllowed(applyFlip(check, { changes: [useOf(limit, units)] }))) few = units;
    else many = units;
  }
  return many;
}

function useOf({ counter, feature, window, start }: LimitCheck, units: number): Change {
  const sentence = `use ${units} more of ${feature} in this ${window.replace('_', ' ')}`;
  const at = new Date(start).toISOString();
  return { kind: 'use_units', counter, feature, window, start: at, units, sentence };
}

/** The first instant at which time alone denies. */
function firstEnd(check: Check, { limits }: Decided): Change[] {
  const ends = laterInstants(check, limits).map(waitUntil);
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
  return { changes, by: makerOf(changes), allowed: code === null, code, sentence };
}

/** Why nothing that is known would have flipped the answer; null: something would. */
export function whyNoFlip(
  check: Check,
  { isReproduced, flips }: { isReproduced: boolean; flips: Flip[] },
): string | null {
  if (flips.length) return null;
  const { asked, book } = check;
  if (!isReproduced) {
    return 'The facts or the count could not be read at that moment: what they would have said is not known.';
  }
  if ('origin' in asked) {
    return 'No policy, key or plan matters for a path that can be read in two ways: send another path.';
  }
  if (offersWith(book.plans, asked.feature).length === 0) {
    return `No plan on offer grants ${asked.feature}: only a change of the plans helps.`;
  }
  return `More than ${changesMax} changes would be needed, or no plan on offer has room for ${asked.cost} of ${asked.feature} at once.`;
}
