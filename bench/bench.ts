// `npm run bench`: what a check costs, side by side in one run on one machine, against a bare server, Express and
// the check people write by hand. Prints a table and the method, writes bench/result.json. Timings are never
// asserted anywhere: machines differ and are shared, so read the ratios, not the rates.
//   npm run bench -- [--seconds 4] [--rounds 2] [--keys 1000,100000] [--connections 32,256] [--only words]
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { migrate } from '../src/adapters/migrate.ts';
import { newToken, randomBase62 } from '../src/adapters/secret.ts';
import { startPostgres } from '../src/local/postgres.ts';
import { measureChange } from './change.ts';
import { fill } from './fill.ts';
import { measureHalfLoad } from './half-load.ts';
import { loader, measure } from './load.ts';
import { cpuSeconds, residentMiB, start, stop } from './process.ts';
import type { Running } from './process.ts';
import { printTable } from './table.ts';
import type { Row } from './table.ts';

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    keys: { type: 'string', default: '1000,100000' },
    connections: { type: 'string', default: '32,256' },
    only: { type: 'string', default: '' },
  },
});
const seconds = Number(given.seconds);
const rounds = Number(given.rounds);
const numbers = (text: string) => text.split(',').map(Number);

type Place = { env: Record<string, string>; keysFile: string; keys: number };
const places = new Map<number, Promise<Place>>();

type Scenario = {
  name: string;
  server: string;
  uri: string;
  env?: Record<string, string>;
  keys?: number;
  processes?: number;
};
const relaxed = { USAGE_DURABILITY: 'relaxed' };
const [fewKeys = 1000, ...manyKeys] = numbers(given.keys);

const scenarios: Scenario[] = [
  { name: 'bare node:http', server: 'bare', uri: '/flat' },
  { name: 'Express constant', server: 'express', uri: '/flat' },
  { name: 'by hand: Express + SQL join', server: 'rival', uri: '/flat' },
  { name: 'check, not counted', server: 'tollgate', uri: '/flat' },
  ...manyKeys.map((keys) => ({
    name: 'check, not counted',
    server: 'tollgate',
    uri: '/flat',
    keys,
  })),
  { name: 'denial 402', server: 'tollgate', uri: '/other' },
  { name: 'counted, durable, 1 limit', server: 'tollgate', uri: '/one' },
  { name: 'counted, durable, 3 limits', server: 'tollgate', uri: '/three' },
  { name: 'counted, relaxed, 1 limit', server: 'tollgate', uri: '/one', env: relaxed },
  { name: 'counted, relaxed, 3 limits', server: 'tollgate', uri: '/three', env: relaxed },
  { name: 'check, not counted', server: 'tollgate', uri: '/flat', processes: 2 },
  { name: 'counted, durable, 1 limit', server: 'tollgate', uri: '/one', processes: 2 },
].filter(({ name }) => name.startsWith('bare') || name.includes(given.only));

const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-bench-'));
const postgres = await startPostgres({
  dataDir: folder,
  password: randomBytes(16).toString('hex'),
});
try {
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    for (const connections of numbers(given.connections)) {
      rows.push(await runScenario(scenario, connections));
      process.stderr.write('.');
    }
  }
  process.stderr.write('\n');
  printTable(rows, { loader, seconds, rounds });
  const more = given.only ? {} : await runMore(rows);
  await writeFile(
    'bench/result.json',
    `${JSON.stringify({ loader, seconds, rounds, rows, ...more }, null, 2)}\n`,
  );
} finally {
  await postgres.stop('now');
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

/** What no table row can hold: service time at half load, and how soon a change is seen under load. */
async function runMore(rows: Row[]) {
  const place = await prepared(fewKeys);
  const gatewayToken = place.env['GATEWAY_TOKENS']!;
  const servers = await Promise.all([start('tollgate', place.env), start('tollgate', place.env)]);
  const [first] = servers;
  const keys = (await readFile(place.keysFile, 'utf8')).trim().split('\n');
  await warmUp(servers, { name: '', server: 'tollgate', uri: '/flat' }, place);
  const full = rows.find(({ name, processes }) => name === 'check, not counted' && processes === 1);
  const half = await measureHalfLoad({
    ...{ url: first.url, gatewayToken, keys, seconds },
    fullRate: full?.perSecond ?? 10_000,
  });
  const load = { uri: '/flat', keysFile: place.keysFile, gatewayToken, connections: 8, seconds: 8 };
  const loading = measure({ ...load, url: first.url });
  const change = await measureChange({
    ...{ urls: servers.map(({ url }) => url), gatewayToken, key: keys[0]! },
    databaseUrl: place.env['DATABASE_URL']!,
  });
  await loading;
  for (const server of servers) await stop(server);
  process.stdout.write(
    `\nService time at half load (${half.perSecond} a second): ${(half.underOneMs * 100).toFixed(2)} % under 1 ms.\n` +
      `A change is seen by two processes under load within ${change.p50.toFixed(1)} ms (median), ` +
      `${change.p99.toFixed(1)} ms (99 %), of ${change.changes}.\n`,
  );
  return { half, change };
}

/** The best of some rounds: what disturbs a shared machine only ever slows it down. */
async function runScenario(scenario: Scenario, connections: number): Promise<Row> {
  const place = await prepared(scenario.keys ?? fewKeys);
  const env = { ...place.env, ...scenario.env };
  const servers = await Promise.all(
    Array.from({ length: scenario.processes ?? 1 }, () => start(scenario.server, env)),
  );
  try {
    await warmUp(servers, scenario, place);
    const measured: Row[] = [];
    for (let round = 0; round < rounds; round += 1) {
      measured.push(await runRound(servers, scenario, connections, place));
    }
    return measured.sort((a, b) => b.perSecond - a.perSecond)[0]!;
  } finally {
    for (const server of servers) await stop(server);
  }
}

async function runRound(
  servers: Running[],
  { name, uri }: Scenario,
  connections: number,
  { env, keysFile, keys }: Place,
): Promise<Row> {
  const before = servers.map(cpuSeconds);
  const results = await Promise.all(
    servers.map(({ url }) =>
      measure({ url, uri, keysFile, gatewayToken: env['GATEWAY_TOKENS']!, connections, seconds }),
    ),
  );
  const requests = results.reduce((sum, result) => sum + result.requests, 0);
  const cpu = servers.reduce(
    (sum, server, i) => sum + (cpuSeconds(server) ?? NaN) - (before[i] ?? NaN),
    0,
  );
  const worst = (of: 'p50' | 'p99' | 'p999') => Math.max(...results.map((result) => result[of]));
  return {
    name,
    keys,
    processes: servers.length,
    connections,
    perSecond: Math.round(
      results.reduce((sum, result) => sum + result.requests / result.seconds, 0),
    ),
    p50: worst('p50'),
    p99: worst('p99'),
    p999: worst('p999'),
    cpuMicros: Math.round((cpu / requests) * 1e6 * 10) / 10,
    residentMiB: Math.max(...servers.map((server) => residentMiB(server) ?? NaN)),
    errors: results.reduce((sum, result) => sum + result.socketErrors, 0),
  };
}

/** Every key is asked once, so that what is measured is the cache full, not being filled. */
async function warmUp(servers: Running[], { server, uri }: Scenario, place: Place): Promise<void> {
  if (server !== 'tollgate') return;
  const load = {
    uri,
    keysFile: place.keysFile,
    gatewayToken: place.env['GATEWAY_TOKENS']!,
    connections: 64,
    seconds: 2,
  };
  await Promise.all(
    servers.map(async ({ url }) => {
      for (let asked = 0; asked < place.keys;) asked += (await measure({ ...load, url })).requests;
    }),
  );
}

/** One database per number of keys, filled when first needed. */
function prepared(keys: number): Promise<Place> {
  let place = places.get(keys);
  if (!place) places.set(keys, (place = prepare(keys)));
  return place;
}

async function prepare(keys: number): Promise<Place> {
  const url = new URL(postgres.url);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`CREATE DATABASE bench_${keys}`);
  await client.end();
  url.pathname = `/bench_${keys}`;
  await migrate(url.href);
  const pepper = randomBase62(40);
  const keysFile = path.join(folder, `keys-${keys}`);
  await fill({ url: url.href, pepper, keys, keysFile });
  const env = {
    DATABASE_URL: url.href,
    STRIPE_SECRET_KEY: `sk_test_${randomBase62(24)}`,
    STRIPE_WEBHOOK_SECRET: `whsec_${randomBase62(32)}`,
    STRIPE_API_BASE: 'http://127.0.0.1:1',
    OPERATOR_TOKENS: newToken('tgo_'),
    GATEWAY_TOKENS: newToken('tgg_'),
    KEY_PEPPER: pepper,
    LOG_LEVEL: 'silent',
    DATA_DIR: folder,
  };
  return { env, keysFile, keys };
}
