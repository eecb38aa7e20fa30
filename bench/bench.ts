// `npm run bench`: what a check costs, side by side in one run on one machine, against a bare server, Express and
// the check people write by hand. Prints a table and the method, writes bench/result.json, and stops by itself.
// Timings are never asserted anywhere: machines differ and are shared, so read the ratios, not the rates.
//   npm run bench -- [--quick] [--seconds 4] [--rounds 2] [--keys 1000,100000,1000000] [--connections 32,256]
//     [--only words] [--minutes 40]
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../src/local/postgres.ts';
import { measureChange } from './change.ts';
import { measureHalfLoad } from './half-load.ts';
import { loader, measure } from './load.ts';
import { createPlaces } from './place.ts';
import type { Place } from './place.ts';
import { cpuSeconds, residentMiB, start, stop } from './process.ts';
import type { Running } from './process.ts';
import { listScenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { printTable } from './table.ts';
import type { Row } from './table.ts';
import { warmUp } from './warm-up.ts';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    keys: { type: 'string' },
    connections: { type: 'string' },
    only: { type: 'string', default: '' },
    minutes: { type: 'string', default: '40' },
  },
});
const usual = given.quick
  ? { seconds: '2', rounds: '1', keys: '1000', connections: '32' }
  : { seconds: '4', rounds: '2', keys: '1000,100000,1000000', connections: '32,256' };
const numbers = (text: string) => text.split(',').map(Number);
const seconds = Number(given.seconds ?? usual.seconds);
const rounds = Number(given.rounds ?? usual.rounds);
const keyCounts = numbers(given.keys ?? usual.keys);
const connectionCounts = numbers(given.connections ?? usual.connections);

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
  for (const scenario of listScenarios(keyCounts, given.only)) {
    rows.push(...(await runScenario(scenario)));
    process.stderr.write('.');
  }
  process.stderr.write('\n');
  printTable(rows, machine);
  const more = given.only ? {} : await runMore(rows);
  const result = JSON.stringify({ ...machine, rows, ...more }, null, 2);
  await writeFile('bench/result.json', `${result}\n`);
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

/** A row per number of connections: the best of some rounds, for what disturbs a machine only ever slows it down. */
async function runScenario(scenario: Scenario): Promise<Row[]> {
  const place = await placeWith(scenario.keys);
  const env = { ...place.env, ...scenario.env };
  const servers = await startAll(scenario.server, env, scenario.processes);
  const rows: Row[] = [];
  try {
    if (scenario.server === 'tollgate') for (const { url } of servers) await warmUp(url, place);
    for (const connections of connectionCounts) {
      // Once unmeasured: code that ran a thousand times is not yet as fast as it gets.
      await runRound(servers, scenario, connections, place);
      const measured: Row[] = [];
      for (let round = 0; round < rounds; round += 1) {
        measured.push(await runRound(servers, scenario, connections, place));
      }
      rows.push(measured.sort((a, b) => b.perSecond - a.perSecond)[0]!);
    }
  } finally {
    await stopAll(servers);
  }
  return rows;
}

async function runRound(
  servers: Running[],
  { name, uri }: Scenario,
  connections: number,
  { env, keysFile, keys }: Place,
): Promise<Row> {
  const before = servers.map(cpuSeconds);
  const load = { uri, keysFile, gatewayToken: env['GATEWAY_TOKENS']!, connections, seconds };
  const results = await Promise.all(servers.map(({ url }) => measure({ ...load, url })));
  const cpu = servers.reduce(
    (sum, server, i) => sum + (cpuSeconds(server) ?? NaN) - (before[i] ?? NaN),
    0,
  );
  const sum = (of: (result: (typeof results)[number]) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const worst = (of: 'p50' | 'p99' | 'p999') => Math.max(...results.map((result) => result[of]));
  return {
    ...{ name, keys, processes: servers.length, connections },
    perSecond: Math.round(sum(({ requests, seconds: took }) => requests / took)),
    ...{ p50: worst('p50'), p99: worst('p99'), p999: worst('p999') },
    cpuMicros: Math.round((cpu / sum(({ requests }) => requests)) * 1e7) / 10,
    residentMiB: Math.max(...servers.map((server) => residentMiB(server) ?? NaN)),
    errors: sum(({ socketErrors }) => socketErrors),
  };
}
