// `npm run bench`: what a check costs, side by side in one run on one machine, against a bare server, Express and
// the check people write by hand. Prints a table and the method, writes bench/result.json, and stops by itself.
// Timings are never asserted anywhere: machines differ and are shared, so read the ratios, not the rates.
//   npm run bench -- [--quick] [--seconds 3] [--rounds 2] [--keys 1000,100000,1000000] [--connections 32,256]
//     [--processes 1,2] [--only words] [--minutes 60]
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../src/local/postgres.ts';
import { measureChange } from './change.ts';
import { measureHalfLoad } from './half-load.ts';
import { loader, measure } from './load.ts';
import { createPlaces, keepDecisions } from './place.ts';
import type { Place } from './place.ts';
import { cpuSeconds, residentMiB, start, stop } from './process.ts';
import type { Running } from './process.ts';
import { listSetups } from './scenarios.ts';
import type { Scenario, Setup } from './scenarios.ts';
import { printHead, printMethod, printRow } from './table.ts';
import type { Row } from './table.ts';
import { warmUp } from './warm-up.ts';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    keys: { type: 'string' },
    connections: { type: 'string' },
    processes: { type: 'string' },
    only: { type: 'string', default: '' },
    minutes: { type: 'string', default: '60' },
  },
});
const usual = given.quick
  ? { seconds: '2', rounds: '1', keys: '1000', connections: '32', processes: '1' }
  : {
      seconds: '3',
      rounds: '2',
      keys: '1000,100000,1000000',
      connections: '32,256',
      processes: '1,2',
    };
const numbers = (text: string) => text.split(',').map(Number);
const seconds = Number(given.seconds ?? usual.seconds);
const rounds = Number(given.rounds ?? usual.rounds);
const keyCounts = numbers(given.keys ?? usual.keys);
const connectionCounts = numbers(given.connections ?? usual.connections);
const processCounts = numbers(given.processes ?? usual.processes);
/** So that what was compiled and paged in for one kind of request does not count against it. */
const unmeasuredSeconds = 1;

const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-bench-'));
const postgres = await startPostgres({
  dataDir: folder,
  password: randomBytes(16).toString('hex'),
});
const placeWith = createPlaces({ url: postgres.url, folder });
const running = new Set<Running>();
const machine = {
  ...{ node: process.version, cores: os.cpus().length, loadBefore: os.loadavg()[0]! },
  ...{ loader, seconds, rounds },
};

/** Whatever hangs: nothing outlives the bench. */
const tooLong = setTimeout(
  () => {
    process.stderr.write(`\nnot done after ${given.minutes} minutes\n`);
    for (const { child } of running) child.kill('SIGKILL');
    void postgres
      .stop('now')
      .then(() => rm(folder, { recursive: true, force: true }))
      .finally(() => process.exit(1));
  },
  Number(given.minutes) * 60_000,
);

try {
  const rows: Row[] = [];
  printHead(machine);
  const asked = { keys: keyCounts, processes: processCounts, only: given.only };
  for (const setup of listSetups(asked)) await runSetup(setup, rows);
  printMethod();
  const more = given.only ? {} : await runMore(rows);
  await writeResult(rows, more);
} finally {
  clearTimeout(tooLong);
  await postgres.stop('now');
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

async function startAll(name: string, env: Record<string, string>, processes: number) {
  const servers = await Promise.all(Array.from({ length: processes }, () => start(name, env)));
  for (const server of servers) running.add(server);
  return servers;
}

async function stopAll(servers: Running[]): Promise<void> {
  for (const server of servers) {
    await stop(server);
    running.delete(server);
  }
}

/** What no table row can hold: service time at half load, and how soon a change is seen under load. */
async function runMore(rows: Row[]) {
  const place = await placeWith(keyCounts[0]!);
  const gatewayToken = place.env['GATEWAY_TOKENS']!;
  const servers = await startAll('tollgate', place.env, 2);
  const { url } = servers[0]!;
  const keys = (await readFile(place.keysFile, 'utf8')).trim().split('\n');
  for (const server of servers) await warmUp(server.url, place);
  const full = rows.find(({ name, processes }) => name === 'check, not counted' && processes === 1);
  const half = await measureHalfLoad({
    ...{ url, gatewayToken, keys, seconds, fullRate: full?.perSecond ?? 10_000 },
  });
  const load = { uri: '/flat', keysFile: place.keysFile, gatewayToken, connections: 8, seconds: 8 };
  const loading = measure({ ...load, url });
  const change = await measureChange({
    ...{ urls: servers.map((server) => server.url), gatewayToken, key: keys[0]! },
    databaseUrl: place.env['DATABASE_URL']!,
  });
  await loading;
  await stopAll(servers);
  process.stdout.write(
    `\nService time at half load (${half.perSecond} a second): ${(half.underOneMs * 100).toFixed(2)} % under 1 ms.\n` +
      `A change is seen by two processes under load within ${change.p50.toFixed(1)} ms (median), ` +
      `${change.p99.toFixed(1)} ms (99 %), of ${change.changes}.\n`,
  );
  return { half, change };
}

/** Kept after each setup: a run that is cut off has measured something. */
async function writeResult(rows: Row[], more: object = {}): Promise<void> {
  await writeFile(
    'bench/result.json',
    `${JSON.stringify({ ...machine, rows, ...more }, null, 2)}\n`,
  );
}

async function runSetup(setup: Setup, rows: Row[]): Promise<void> {
  const place = await placeWith(setup.keys);
  const servers = await startAll(setup.server, { ...place.env, ...setup.env }, setup.processes);
  try {
    if (setup.server === 'tollgate')
      await Promise.all(servers.map(({ url }) => warmUp(url, place)));
    for (const scenario of setup.scenarios) {
      for (const connections of connectionCounts) {
        const row = await runScenario(servers, scenario, connections, place);
        rows.push(row);
        printRow(row, rows);
      }
    }
  } finally {
    await stopAll(servers);
  }
  await writeResult(rows);
}

/** The best of some rounds, for what disturbs a machine only ever slows it down; after one that is not counted. */
async function runScenario(
  servers: Running[],
  scenario: Scenario,
  connections: number,
  place: Place,
): Promise<Row> {
  await keepDecisions(place, scenario.kept);
  await runRound(servers, scenario, { connections, seconds: unmeasuredSeconds }, place);
  const measured: Row[] = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await runRound(servers, scenario, { connections, seconds }, place));
  }
  return measured.sort((a, b) => b.perSecond - a.perSecond)[0]!;
}

async function runRound(
  servers: Running[],
  { name, uri }: Scenario,
  of: { connections: number; seconds: number },
  { env, keysFile, keys }: Place,
): Promise<Row> {
  const before = servers.map(cpuSeconds);
  const load = { uri, keysFile, gatewayToken: env['GATEWAY_TOKENS']!, ...of };
  const results = await Promise.all(servers.map(({ url }) => measure({ ...load, url })));
  const cpu = servers.reduce(
    (sum, server, i) => sum + (cpuSeconds(server) ?? NaN) - (before[i] ?? NaN),
    0,
  );
  const sum = (of: (result: (typeof results)[number]) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const worst = (of: 'p50' | 'p99' | 'p999') => Math.max(...results.map((result) => result[of]));
  return {
    ...{ name, keys, processes: servers.length, connections: of.connections },
    perSecond: Math.round(sum(({ requests, seconds: took }) => requests / took)),
    ...{ p50: worst('p50'), p99: worst('p99'), p999: worst('p999') },
    cpuMicros: Math.round((cpu / sum(({ requests }) => requests)) * 1e7) / 10,
    residentMiB: Math.max(...servers.map((server) => residentMiB(server) ?? NaN)),
    errors: sum(({ socketErrors }) => socketErrors),
  };
}
