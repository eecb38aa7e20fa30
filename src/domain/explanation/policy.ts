// Which route policy says what a call needs, and which ones it beat and why. Asks the very table that decides.
import type { Asked, RuleBook } from '../check.ts';
import { rulingOf } from '../check.ts';
import type { Access, RoutePolicy } from '../route-policy.ts';
import { matchingRoutes } from '../route-policy.ts';

export type PolicyShown = {
  /** `feature`: the gateway named the feature itself, no route was looked at. */
  source: 'route_policy' | 'default_access' | 'preflight' | 'feature';
  id: string | null;
  method: string | null;
  path: string | null;
  access: Access;
  feature: string | null;
  cost: number;
  read_only: boolean;
  sentence: string;
};

export type BeatenPolicy = {
  id: string;
  method: string;
  path: string;
  access: Access;
  feature: string | null;
  /** A literal is before a parameter, a parameter before `*`, a method's name before `*`. */
  why: 'segment' | 'method';
  sentence: string;
};

const beatenMax = 10;

/** Null where the path can be read in two ways. */
export function explainPolicy(
  book: RuleBook,
  asked: Asked,
): { policy: PolicyShown | null; beaten: BeatenPolicy[] } {
  if ('origin' in asked && asked.origin === 'ambiguous') return { policy: null, beaten: [] };
  const [winner, ...others] = matchesOf(book, asked);
  const { access, feature, cost, readOnly: read_only } = rulingOf(book, asked);
  const says = { access, feature, cost, read_only };
  if (!winner) return { policy: { ...unmatched(book, asked), ...says }, beaten: [] };
  const { id, method, path } = winner;
  const sentence = `${nameOf(winner)} matches and needs ${needOf(says)}.`;
  return {
    policy: { source: 'route_policy', id, method, path, ...says, sentence },
    beaten: others.slice(0, beatenMax).map((other) => beatenBy(winner, other)),
  };
}

/** The policies that describe the call, the deciding one first. */
export function matchesOf({ table }: RuleBook, asked: Asked): RoutePolicy[] {
  if ('feature' in asked || typeof asked.origin === 'string') return [];
  return matchingRoutes(table, asked.origin);
}

function unmatched({ defaultAccess }: RuleBook, asked: Asked) {
  const none = { id: null, method: null, path: null };
  if ('feature' in asked) {
    const sentence = `The gateway asks for ${amountOf(asked.cost, asked.feature)} by name: no route policy is looked at.`;
    return { source: 'feature' as const, ...none, sentence };
  }
  const { origin } = asked;
  if (typeof origin === 'object' && origin.method === 'OPTIONS') {
    const sentence = 'No policy names OPTIONS here: a preflight carries no key and is free.';
    return { source: 'preflight' as const, ...none, sentence };
  }
  const why = typeof origin === 'object' ? 'No policy matches' : 'The gateway sent no method and path'; // prettier-ignore
  const sentence = `${why}: the setting default_access decides, ${defaultAccess}.`;
  return { source: 'default_access' as const, ...none, sentence };
}

function needOf({ access, feature, cost }: Pick<PolicyShown, 'access' | 'feature' | 'cost'>) {
  if (access === 'feature') return amountOf(cost, feature!);
  const needs = { free: 'nothing', key: 'a key', subscription: 'a subscription' } as const;
  return access === 'deny' ? 'what nobody has: it is closed' : needs[access];
}

/** What a call takes of a feature, in words: what costs nothing is named alone. */
export function amountOf(units: number, feature: string): string {
  return units === 0 ? feature : `${units} of ${feature}`;
}

function beatenBy(winner: RoutePolicy, { id, method, path, access, feature }: RoutePolicy) {
  const [ours, theirs] = [winner.path, path].map((one) => one.slice(1).split('/'));
  const at = ours!.findIndex((segment, index) => rankOf(segment) !== rankOf(theirs![index]));
  const beaten = { id, method, path, access, feature };
  if (at < 0) {
    const sentence = `${method} ${path} describes the same path, but ${winner.method} is the nearer method.`;
    return { ...beaten, why: 'method' as const, sentence };
  }
  const [here, there] = [ours![at]!, theirs![at]!];
  const sentence = `${method} ${path} is less specific: in segment ${at + 1} "${here}" goes before "${there}".`;
  return { ...beaten, why: 'segment' as const, sentence };
}

/** Two policies that describe one call differ by this alone, at the first segment that tells them apart. */
function rankOf(segment: string | undefined): number {
  if (segment === '*') return 0;
  return segment?.startsWith(':') ? 1 : 2;
}

function nameOf({ method, path }: Pick<RoutePolicy, 'method' | 'path'>): string {
  return `${method} ${path}`;
}
