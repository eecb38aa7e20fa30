// What is wrong with the route policies: asked of the very table that decides calls, by calls made up for it. Knows no
// plan but by what it grants.
import { finding, nameSome } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Origin } from '../origin.ts';
import {
  fill,
  isParam,
  meetMethods,
  meetPaths,
  otherMethod,
  showCall,
  tailsUpTo,
} from '../route-call.ts';
import { buildRouteTable, matchRoute } from '../route-policy.ts';
import type { RoutePolicy, RouteTable } from '../route-policy.ts';

type Rule = { policy: RoutePolicy; segments: string[] };
type Book = { table: RouteTable; rules: Rule[]; tails: string[][] };

/**
 * Free policies whose calls are decided by one that is not free: what is found of each in turn, so that whoever asks can
 * do something else between two.
 */
export function* auditFreeRoutes(policies: RoutePolicy[]): Generator<Finding[]> {
  const rules = policies.map((policy) => ({ policy, segments: policy.path.slice(1).split('/') }));
  const longest = Math.max(0, ...rules.map(({ segments }) => segments.length));
  const book = { table: buildRouteTable(policies), rules, tails: tailsUpTo(longest) };
  for (const rule of rules) if (rule.policy.access === 'free') yield auditFreeRoute(book, rule);
}

function auditFreeRoute(book: Book, free: Rule): Finding[] {
  const subject = nameOf(free.policy);
  const deciders = decidersOf(book, free);
  const shut = deciders.filter(({ access }) => access !== 'free');
  if (!deciders.includes(free.policy) && shut.length > 0) {
    const detail = `Its calls are decided by ${nameSome(shut.map(describe))}.`;
    return [finding('free_route_unreachable', subject, detail)];
  }
  const takers = book.rules.flatMap((rule) => {
    if (rule.policy.access === 'free') return [];
    const call = callTaken(book, free, rule);
    return call ? [{ rule, call }] : [];
  });
  const shadows = takers.filter(({ rule }) => !covers(free, rule));
  const exceptions = takers.filter(({ rule }) => covers(free, rule) && isPaid(rule.policy));
  return [
    ...shadows.slice(0, 1).map(({ call }) => {
      const by = nameSome(shadows.map(({ rule }) => describe(rule.policy)));
      return finding('free_route_shadowed', subject, `${showCall(call)} is decided by ${by}.`);
    }),
    ...exceptions.slice(0, 1).map(() => {
      const paid = nameSome(exceptions.map(({ rule }) => describe(rule.policy)));
      return finding('free_route_excepted', subject, `It is free but for ${paid}.`);
    }),
  ];
}

/**
 * Who decides the calls that only this policy's own pattern describes: any other that matches those matches all calls
 * of the same length, so where the policy decides none of them it decides none at all.
 */
function decidersOf({ table, tails }: Book, { policy, segments }: Rule): RoutePolicy[] {
  const method = policy.method === '*' ? otherMethod : policy.method;
  const found = fill(segments, tails).map((call) => matchRoute(table, { method, segments: call }));
  return [...new Set(found.filter((one) => one !== null))];
}

/** A call that both patterns describe and the second one decides, or null. */
function callTaken({ table, tails }: Book, free: Rule, taker: Rule): Origin | null {
  const method = meetMethods(free.policy.method, taker.policy.method);
  if (method === null) return null;
  for (const segments of meetPaths(free.segments, taker.segments, tails)) {
    const call = { method, segments };
    if (matchRoute(table, call) === taker.policy) return call;
  }
  return null;
}

/** Whether each call that the second describes is one of the first's. */
function covers(whole: Rule, part: Rule): boolean {
  const [a, b] = [whole.policy.method, part.policy.method];
  const method = a === b || (a === '*' && b !== 'OPTIONS') || (a === 'GET' && b === 'HEAD');
  return method && coversPath(whole.segments, part.segments);
}

function coversPath(whole: string[], part: string[]): boolean {
  for (const [at, segment] of whole.entries()) {
    const other = part[at];
    if (other === undefined) return false;
    if (segment === '*') return true;
    if (other === '*') return false;
    if (isParam(segment) ? other === '' : segment !== other) return false;
  }
  return whole.length === part.length;
}

/** Features that routes need and no plan in use grants. */
export function auditFeatures(policies: RoutePolicy[], granted: ReadonlySet<string>): Finding[] {
  return [...routesByFeature(policies)]
    .filter(([feature]) => !granted.has(feature))
    .map(([feature, routes]) =>
      finding('feature_without_plan', feature, `Needed by ${nameSome(routes)}.`),
    );
}

/** The names of the routes that need each feature. */
export function routesByFeature(policies: RoutePolicy[]): Map<string, string[]> {
  const routes = new Map<string, string[]>();
  for (const policy of policies) {
    if (policy.access !== 'feature' || policy.feature === null) continue;
    routes.set(policy.feature, [...(routes.get(policy.feature) ?? []), nameOf(policy)]);
  }
  return routes;
}

function isPaid({ access }: RoutePolicy): boolean {
  return access === 'subscription' || access === 'feature';
}

function nameOf({ method, path }: RoutePolicy): string {
  return `${method} ${path}`;
}

function describe(policy: RoutePolicy): string {
  return `${nameOf(policy)} (${policy.access})`;
}
