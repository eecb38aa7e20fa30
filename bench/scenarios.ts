// What the bench measures, in the order of its table. A setup is what is started: servers of one kind on a database
// with so many keys. Its scenarios are asked of it one after the other, so that caches are filled once per setup.
/** `kept`: which share of decisions is kept, of calls that pass and of denials; by default what a new installation has. */
export type Scenario = { name: string; uri: string; kept?: Shares };
export type Shares = { allowed: number; denied: number };
export type Setup = {
  server: 'bare' | 'floor' | 'express' | 'rival' | 'tollgate';
  env: Record<string, string>;
  keys: number;
  processes: number;
  scenarios: Scenario[];
};

const others: Pick<Setup, 'server' | 'scenarios'>[] = [
  { server: 'bare', scenarios: [{ name: 'bare node:http', uri: '/flat' }] },
  { server: 'floor', scenarios: [{ name: 'node:http, our head, two hashes', uri: '/flat' }] },
  { server: 'express', scenarios: [{ name: 'Express constant', uri: '/flat' }] },
];
const withKeys: Pick<Setup, 'server' | 'scenarios' | 'env'>[] = [
  { server: 'rival', env: {}, scenarios: [{ name: 'by hand: Express + SQL join', uri: '/flat' }] },
  {
    server: 'tollgate',
    env: {},
    scenarios: [
      { name: 'check, no decision kept', uri: '/flat', kept: { allowed: 0, denied: 0 } },
      { name: 'check, not counted', uri: '/flat' },
      { name: 'counted, durable, 1 limit', uri: '/one' },
      { name: 'counted, durable, 3 limits', uri: '/three' },
      // Last, since what they leave to be written takes some seconds.
      { name: 'denial 402, full body', uri: '/other' },
      { name: 'check, each decision kept', uri: '/flat', kept: { allowed: 1, denied: 1 } },
    ],
  },
  {
    server: 'tollgate',
    env: { USAGE_DURABILITY: 'relaxed' },
    scenarios: [
      { name: 'counted, relaxed, 1 limit', uri: '/one' },
      { name: 'counted, relaxed, 3 limits', uri: '/three' },
    ],
  },
];

/** With `only`, those whose name has it, and the bare server, which all are compared with. */
export function listSetups(of: { keys: number[]; processes: number[]; only: string }): Setup[] {
  const all = of.processes.flatMap((processes) => [
    ...others.map((one) => ({ ...one, env: {}, keys: of.keys[0]!, processes })),
    ...of.keys.flatMap((keys) => withKeys.map((one) => ({ ...one, keys, processes }))),
  ]);
  return all
    .map((setup) => ({ ...setup, scenarios: setup.scenarios.filter(isAsked(of.only)) }))
    .filter(({ scenarios }) => scenarios.length > 0);
}

const isAsked =
  (only: string) =>
  ({ name }: Scenario) =>
    name.startsWith('bare') || name.includes(only);
