// Paths as two servers would read them, and which policy is the most specific.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readOrigin, readPath } from '../../src/domain/origin.ts';
import type { RoutePolicy } from '../../src/domain/route-policy.ts';
import {
  buildRouteTable,
  describePathFault,
  matchRoute,
  routeShape,
} from '../../src/domain/route-policy.ts';

describe('a path', () => {
  test.each([
    ['/', ['']],
    ['/a', ['a']],
    ['/a/', ['a', '']],
    ['/a?b=/c', ['a']],
    ['//a///b', ['a', 'b']],
    ['/a/./b', ['a', 'b']],
    ['/a/../b', ['b']],
    ['/a/b/..', ['a', '']],
    ['/../../a', ['a']],
    ['/a/%2e%2e/b', ['b']],
    ['/%61%2D%7e', ['a-~']],
    ['/a%20b', ['a%20b']],
    ['/caf%c3%a9', ['caf%C3%A9']],
    ['/a%252e', ['a%252e']],
    ['/A', ['A']],
  ])('%s is read as %j', (target, segments) => expect(readPath(target)).toEqual(segments));

  test.each([
    '/a%2Fb',
    '/a%2fb',
    '/a%5Cb',
    '/a\\b',
    '/a%00',
    '/a%',
    '/a%2',
    '/a%zz',
    'a',
    '*',
    '',
    '/a b',
    '/a#b',
    `/${'a/'.repeat(300)}`,
    `/${'a'.repeat(9000)}`,
  ])('%j can be read in two ways', (target) => expect(readPath(target)).toBeNull());

  test('read once is read the same again', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const once = readPath(path || '/');
        if (once) expect(readPath(`/${once.join('/')}`)).toEqual(once);
      }),
    );
  });

  test('half an origin is none, and a method that is no token is ambiguous', () => {
    expect(readOrigin('GET', undefined)).toBe('missing');
    expect(readOrigin(undefined, '/a')).toBe('missing');
    expect(readOrigin('', '/a')).toBe('missing');
    expect(readOrigin('GET, POST', '/a')).toBe('ambiguous');
    expect(readOrigin('get', '/a')).toEqual({ method: 'GET', segments: ['a'] });
  });
});

const policy = (method: string, path: string): RoutePolicy => ({
  id: `${method} ${path}`,
  method,
  path,
  access: 'key',
  feature: null,
  cost: 1,
  readOnly: false,
  whenDown: 'closed',
  maxStaleMs: 0,
});

function deciding(policies: string[], call: string): string | null {
  const table = buildRouteTable(
    policies.map((text) => policy(...(text.split(' ') as [string, string]))),
  );
  const [method, target] = call.split(' ') as [string, string];
  const origin = readOrigin(method, target);
  return typeof origin === 'object' ? (matchRoute(table, origin)?.id ?? null) : origin;
}

describe('the most specific policy decides', () => {
  test.each([
    [['GET /a/b', 'GET /a/:x', 'GET /a/*'], 'GET /a/b', 'GET /a/b'],
    [['GET /a/b', 'GET /a/:x', 'GET /a/*'], 'GET /a/c', 'GET /a/:x'],
    [['GET /a/b', 'GET /a/:x', 'GET /a/*'], 'GET /a/c/d', 'GET /a/*'],
    [['GET /a/b', 'GET /a/:x', 'GET /a/*'], 'GET /a', null],
    // From the left: a literal first segment beats a parameter there, whatever follows.
    [['GET /a/*', 'GET /:x/b'], 'GET /a/b', 'GET /a/*'],
    [['GET /a/b/c', 'GET /a/:x/d'], 'GET /a/b/d', 'GET /a/:x/d'],
    [['* /a', 'GET /a'], 'GET /a', 'GET /a'],
    [['* /a', 'GET /a'], 'POST /a', '* /a'],
    [['* /a/b', 'GET /a/:x'], 'GET /a/b', '* /a/b'],
    [['POST /a/b', 'GET /a/:x'], 'GET /a/b', 'GET /a/:x'],
    [['GET /a'], 'HEAD /a', 'GET /a'],
    [['GET /a', 'HEAD /a'], 'HEAD /a', 'HEAD /a'],
    [['* /a'], 'OPTIONS /a', null],
    [['OPTIONS /a', '* /a'], 'OPTIONS /a', 'OPTIONS /a'],
    [['GET /a'], 'GET /a/', null],
    [['GET /a/'], 'GET /a/', 'GET /a/'],
    [['GET /a'], 'GET /A', null],
    [['GET /:x'], 'GET /', null],
    [['GET /*'], 'GET /', 'GET /*'],
    [['GET /admin/*'], 'GET /admin/', 'GET /admin/*'],
    [['GET /admin/*'], 'GET /x/../admin/y', 'GET /admin/*'],
    [['GET /admin/*'], 'GET /%61dmin/y', 'GET /admin/*'],
  ])('of %j for %s: %s', (policies, call, expected) => {
    expect(deciding(policies, call)).toBe(expected);
  });

  test('as a naive comparison of all candidates finds it', () => {
    const segment = fc.constantFrom('a', 'b', ':x', ':y');
    const path = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([parts, star]) => `/${[...parts, ...(star ? ['*'] : [])].join('/')}`);
    const policies = fc.uniqueArray(
      fc.tuple(fc.constantFrom('GET', 'POST', '*'), path).map((pair) => pair.join(' ')),
      { maxLength: 12, selector: (text) => routeShape(text.replace(' ', ' ')) },
    );
    const call = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(policies, call, fc.constantFrom('GET', 'POST'), (all, segments, method) => {
        expect(deciding(all, `${method} /${segments.join('/')}`)).toBe(
          naive(all, method, segments),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Every policy that matches, ranked by comparing segment kinds from the left, then the method. */
function naive(all: string[], method: string, segments: string[]): string | null {
  const ranked = all.flatMap((text) => {
    const [named, path] = text.split(' ') as [string, string];
    if (named !== '*' && named !== method) return [];
    const pattern = path.slice(1).split('/');
    const isStar = pattern.at(-1) === '*';
    if (isStar ? segments.length < pattern.length : segments.length !== pattern.length) return [];
    const kinds = pattern.map((part, i) =>
      part === '*' ? 2 : part.startsWith(':') ? 1 : part === segments[i] ? 0 : 9,
    );
    return kinds.includes(9) ? [] : [{ text, rank: [...kinds, named === '*' ? 1 : 0].join('') }];
  });
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked[0]?.text ?? null;
}

describe("a policy's path", () => {
  test.each(['/', '/a', '/a/', '/a/:id/b', '/*', '/a/*', '/a%20b', '/v1.0/x~y'])(
    'may be %s',
    (path) => expect(describePathFault(path)).toBeNull(),
  );
  test.each([
    'a',
    '',
    '//a',
    '/a//b',
    '/*/a',
    '/a*',
    '/:',
    '/:1',
    '/a/../b',
    '/a/.',
    '/a%2Fb',
    '/a%2fb',
    '/%61',
    '/a?b',
    '/a b',
    '/ü',
    `/${'a/'.repeat(80)}`,
    '/(a+)+$',
    '/^(a|a)*$',
    '/[a-z]+',
    '/a/.*',
    '/.+/b',
    '/(?:x)',
    '/{id}',
    '/a|b',
    '/**/a',
    `/${'*'.repeat(40)}b`,
  ])('may not be %s', (path) => expect(describePathFault(path)).toEqual(expect.any(String)));
  test.each(['/Orders(1)', '/$metadata', '/a+b', '/~user', '/v1.0/a,b;c=d', '/@scope/x!'])(
    'may be %s: that is no regular expression',
    (path) => expect(describePathFault(path)).toBeNull(),
  );
  test('is told how a parameter is written', () =>
    expect(describePathFault('/users/{id}')).toBe('write ":id" instead of "{id}"'));
  test('has a shape that names no parameters, so that ties are seen', () => {
    expect(routeShape('/a/:x/b/:y')).toBe(routeShape('/a/:other/b/:z'));
    expect(routeShape('/a/:x')).not.toBe(routeShape('/a/x'));
  });
});

describe('matching takes no longer than the table is large, however the patterns are made', () => {
  /** How often the walk asks a node for its literals. */
  function visits(policies: string[], segments: string[]): { seen: number; nodes: number } {
    const table = buildRouteTable(policies.map((path) => policy('GET', path)));
    let [seen, nodes] = [0, 0];
    const watch = (node: ReturnType<typeof buildRouteTable>): void => {
      nodes += 1;
      const { literals } = node;
      const inner = new Map(literals);
      literals.get = (key) => {
        seen += 1;
        return inner.get(key);
      };
      for (const child of node.literals.values()) watch(child);
      if (node.param) watch(node.param);
    };
    watch(table);
    matchRoute(table, { method: 'GET', segments });
    return { seen, nodes };
  }

  test('of one pattern: once per segment', () => {
    const segment = fc.constantFrom('a', ':x', 'b');
    const path = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 63 }), fc.constantFrom('', '/*'))
      .map(([parts, star]) => `/${parts.join('/')}${star}`);
    const call = fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 256 });
    fc.assert(
      fc.property(path, call, (one, segments) => {
        expect(describePathFault(one)).toBeNull();
        expect(visits([one], segments).seen).toBeLessThanOrEqual(64);
      }),
    );
  });

  test('of all that a literal and a parameter in each place can make: each node once', () => {
    const paths = Array.from({ length: 1_024 }, (_, n) => `/${Array.from({ length: 10 }, (_p, bit) => ((n >> bit) & 1 ? 'a' : ':x')).join('/')}/end`); // prettier-ignore
    const { seen, nodes } = visits(paths, [...Array<string>(10).fill('a'), 'other']);
    expect(seen).toBeLessThanOrEqual(nodes);
    expect(nodes).toBeLessThan(1_024 * 4);
  });

  test('of any table: each node at most once', () => {
    const segment = fc.constantFrom('a', 'b', ':x', ':y');
    const path = fc.array(segment, { minLength: 1, maxLength: 8 }).map((parts) => `/${parts.join('/')}`); // prettier-ignore
    const call = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(fc.array(path, { maxLength: 40 }), call, (paths, segments) => {
        const { seen, nodes } = visits(paths, segments);
        expect(seen).toBeLessThanOrEqual(nodes);
      }),
    );
  });
});
