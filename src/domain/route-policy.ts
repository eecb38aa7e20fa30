// What a call to the API needs, by method and path. The most specific policy decides: segment by segment from
// the left, a literal before `:param` before `*`; then the method by name before `*`.
import type { Origin } from './origin.ts';

export type Access = 'free' | 'key' | 'subscription' | 'feature' | 'deny';

export type RoutePolicy = {
  id: string;
  method: string;
  path: string;
  access: Access;
  feature: string | null;
  cost: number;
  readOnly: boolean;
  whenDown: 'closed' | 'open';
  maxStaleMs: number;
};

export const methods = ['*', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

type Node = {
  literals: Map<string, Node>;
  param: Node | null;
  /** Policies that end here, by method. */
  own: Map<string, RoutePolicy>;
  /** Policies whose last `*` begins here. */
  rest: Map<string, RoutePolicy>;
};

export type RouteTable = Node;

export function buildRouteTable(policies: Iterable<RoutePolicy>): RouteTable {
  const root = newNode();
  for (const policy of policies) insert(root, policy);
  return root;
}

/** The policy that decides this call, or null. Visits each node of the table at most once. */
export function matchRoute(table: RouteTable, { method, segments }: Origin): RoutePolicy | null {
  return find(table, segments, 0, method);
}

/** Every policy that describes the call, in the order of precedence: the first is the one that decides. */
export function matchingRoutes(table: RouteTable, { method, segments }: Origin): RoutePolicy[] {
  return [...everyMatch(table, segments, 0, methodsOf(method))];
}

/** The table with one policy more, or another in its place; shares all that stays as it is. */
export function withRoute(table: RouteTable | null, policy: RoutePolicy, at = 0): RouteTable {
  const node = table ? { ...table } : newNode();
  const segment = policy.path.slice(1).split('/')[at];
  if (segment === undefined) node.own = new Map(node.own).set(policy.method, policy);
  else if (segment === '*') node.rest = new Map(node.rest).set(policy.method, policy);
  else if (segment.startsWith(':')) node.param = withRoute(node.param, policy, at + 1);
  else {
    const next = withRoute(node.literals.get(segment) ?? null, policy, at + 1);
    node.literals = new Map(node.literals).set(segment, next);
  }
  return node;
}

/** The path without its parameters' names: two policies of one shape and method would tie. */
export function routeShape(path: string): string {
  return path.replace(/\/:[A-Za-z_][A-Za-z0-9_]*/g, '/:');
}

/** What is wrong with a policy's path, or null. */
export function describePathFault(path: string): string | null {
  if (!path.startsWith('/')) return 'must start with "/"';
  if (path.length > 2048) return 'must be at most 2048 characters long';
  const segments = path.slice(1).split('/');
  if (segments.length > 64) return 'must have at most 64 segments';
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '' && !isLast) return 'must not contain "//"';
    if (segment === '.' || segment === '..') return 'must not contain "." or ".." segments';
    const regular = describeRegularExpression(segment);
    if (regular) return regular;
    if (segment.includes('*') && !(segment === '*' && isLast)) {
      return '"*" must be the whole last segment';
    }
    if (segment.startsWith(':') && !/^:[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(segment)) {
      return `"${segment}" is no parameter: a colon, then a letter, then letters, digits or _`;
    }
    const fault = describeLiteralFault(segment);
    if (fault) return fault;
  }
  return null;
}

/**
 * Patterns of other kinds would be taken as literals that match nothing. None is ever run: matching compares whole
 * segments, so no pattern takes longer than its length.
 */
function describeRegularExpression(segment: string): string | null {
  if (/^\{[^{}]*\}$/.test(segment))
    return `write ":${segment.slice(1, -1)}" instead of "${segment}"`;
  const isOne = /[[\]{}|^]/.test(segment) || /[)\]][*+?]|\.[*+]|\(\?/.test(segment);
  if (!isOne || segment === '*') return null;
  return `"${segment}" reads like a regular expression: a path has literals, ":param" and a last "*"`;
}

/** A literal must be written as `readPath` would write it, or it could never match. */
function describeLiteralFault(segment: string): string | null {
  if (/[^\x21-\x7e]/.test(segment) || /[\\?#]/.test(segment)) {
    return `"${segment}" holds a character that must be percent-encoded`;
  }
  if (/%(?![0-9A-F]{2})/.test(segment)) return 'percent escapes are two upper-case hex digits';
  if (/%(?:2F|5C|00)/.test(segment)) return 'an escaped slash, backslash or NUL can never match';
  for (const [escape] of segment.matchAll(/%[0-9A-F]{2}/g)) {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/[0-9A-Za-z._~-]/.test(character)) return `write "${character}" instead of "${escape}"`;
  }
  return null;
}

function newNode(): Node {
  return { literals: new Map(), param: null, own: new Map(), rest: new Map() };
}

function insert(root: Node, policy: RoutePolicy): void {
  let node = root;
  for (const segment of policy.path.slice(1).split('/')) {
    if (segment === '*') return void node.rest.set(policy.method, policy);
    if (segment.startsWith(':')) node = node.param ??= newNode();
    else {
      let next = node.literals.get(segment);
      if (!next) node.literals.set(segment, (next = newNode()));
      node = next;
    }
  }
  node.own.set(policy.method, policy);
}

function find(node: Node, segments: string[], at: number, method: string): RoutePolicy | null {
  const segment = segments[at];
  if (segment === undefined) return pick(node.own, method);
  const literal = node.literals.get(segment);
  return (
    (literal && find(literal, segments, at + 1, method)) ??
    // A parameter stands for something: the empty last segment of `/a/` is none.
    (segment !== '' && node.param ? find(node.param, segments, at + 1, method) : null) ??
    // The star takes it: `/admin/*` also closes `/admin/`, and `/*` is everything.
    pick(node.rest, method)
  );
}

function pick(policies: Map<string, RoutePolicy>, method: string): RoutePolicy | null {
  const named = policies.get(method);
  if (named) return named;
  if (method === 'HEAD') return policies.get('GET') ?? policies.get('*') ?? null;
  return method === 'OPTIONS' ? null : (policies.get('*') ?? null);
}

/** The same walk as `find`, to its end. */
function* everyMatch(
  node: Node,
  segments: string[],
  at: number,
  asked: string[],
): Generator<RoutePolicy> {
  const segment = segments[at];
  const here = segment === undefined ? node.own : node.rest;
  if (segment !== undefined) {
    const literal = node.literals.get(segment);
    if (literal) yield* everyMatch(literal, segments, at + 1, asked);
    if (segment !== '' && node.param) yield* everyMatch(node.param, segments, at + 1, asked);
  }
  for (const method of asked) {
    const policy = here.get(method);
    if (policy) yield policy;
  }
}

/** The methods of policies that decide a call of this one, the first before the next; see `pick`. */
function methodsOf(method: string): string[] {
  if (method === 'HEAD') return ['HEAD', 'GET', '*'];
  return method === 'OPTIONS' ? ['OPTIONS'] : [method, '*'];
}
