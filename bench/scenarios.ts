// What the bench measures, in the order of its table. A scenario is a server, a path that is asked for, and what
// differs from one process with few keys.
export type Scenario = {
  name: string;
  server: 'bare' | 'floor' | 'express' | 'rival' | 'tollgate';
  uri: string;
  env: Record<string, string>;
  keys: number;
  processes: number;
};

const relaxed = { USAGE_DURABILITY: 'relaxed' };

/** With `only`, those whose name has it, and the bare server, which all are compared with. */
export function listScenarios([few = 1_000, ...many]: number[], only: string): Scenario[] {
  const one = { env: {}, keys: few, processes: 1 };
  const other = (name: string, server: Scenario['server']) => ({
    ...one,
    name,
    server,
    uri: '/flat',
  });
  const ours = (name: string, uri: string, more: Partial<Scenario> = {}): Scenario => ({
    ...{ ...one, name, uri, server: 'tollgate', ...more },
  });
  return [
    other('bare node:http', 'bare'),
    other('node:http, our head, two hashes', 'floor'),
    other('Express constant', 'express'),
    other('by hand: Express + SQL join', 'rival'),
    ours('check, not counted', '/flat'),
    ...many.map((keys) => ours('check, not counted', '/flat', { keys })),
    ours('denial 402, full body', '/other'),
    ours('counted, durable, 1 limit', '/one'),
    ours('counted, durable, 3 limits', '/three'),
    ours('counted, relaxed, 1 limit', '/one', { env: relaxed }),
    ours('counted, relaxed, 3 limits', '/three', { env: relaxed }),
    ours('check, not counted', '/flat', { processes: 2 }),
    ours('counted, durable, 1 limit', '/one', { processes: 2 }),
  ].filter(({ name }) => name.startsWith('bare') || name.includes(only));
}
