// `npm run bench:gateways`: what the check costs through a real gateway, on the shipped recipe, against the same gateway
// without it: allowed and denied, with and without the decision cache, and counted. Needs nginx (which is also the API
// behind) and wrk; Caddy is left out where it is not installed. Prints a table, stops by itself.
//   npm run bench:gateways -- [--seconds 2] [--rounds 4] [--connections 32] [--keys 100]
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startPostgres } from '../src/local/postgres.ts';
import { caddy, startCaddy } from '../test/gateways/caddy.ts';
import { nginx, startNginx } from '../test/gateways/nginx.ts';
import { findExecutable, freePort, makeFolder, run } from '../test/gateways/program.ts';
import type { Place as Between, Running, Variant } from '../test/gateways/program.ts';
import { createPlaces } from './place.ts';
import type { Place } from './place.ts';
import { cpuSeconds, start, stop } from './process.ts';
import type { Running as Tollgate } from './process.ts';
import { warmUp } from './warm-up.ts';

type Measured = {
  requests: number;
  seconds: number;
  p50: number;
  p99: number;
  socketErrors: number;
  denied: number;
};
type Target = { gateway: string; what: string; uri: string; url: string };
type Row = Measured & Target & { perSecond: number; asked: number; cpuMicros: number };
type Mode = Variant | 'bare';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
    keys: { type: 'string', default: '100' },
  },
});
const [seconds, rounds, keys] = [values.seconds, values.rounds, values.keys].map(Number) as [
  number,
  number,
  number,
];

if (!nginx.isInstalled()) throw new Error(`nginx is needed: ${nginx.install}`);
if (spawnSync('wrk', ['-v']).error) throw new Error('wrk is needed: apt-get install wrk');

const gateways = [
  { ...nginx, start: startNginx, modes: ['bare', 'closed', 'cached'] satisfies Mode[] },
  { ...caddy, start: startCaddy, modes: ['bare', 'closed'] satisfies Mode[] },
].filter(({ isInstalled }) => isInstalled());

/** Path and what it is called; a gateway without the check answers the first alone. */
const calls: [uri: string, what: string][] = [
  ['/flat', 'allowed'],
  ['/other', 'denied, 402'],
  ['/one', 'counted'],
];
const modeNames: Record<Mode, string> = {
  bare: 'without the check',
  closed: '',
  cached: ', decision cache',
  open: '',
};

const loadBefore = os.loadavg()[0]!;
const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-bench-'));
const postgres = await startPostgres({
  dataDir: folder,
  password: randomBytes(16).toString('hex'),
});
const stopping: (() => Promise<unknown>)[] = [
  () => rm(folder, { recursive: true, force: true }),
  () => postgres.stop('now'),
];
try {
  print(await measureAll());
} finally {
  for (const each of stopping.reverse()) await each();
}
process.exit(0);

async function measureAll(): Promise<Row[]> {
  const place = await createPlaces({ url: postgres.url, folder })(keys);
  const tollgate = await start('tollgate', place.env);
  stopping.push(() => stop(tollgate));
  await warmUp(tollgate.url, place);
  const api = await startApi();
  stopping.push(() => api.stop());
  const between: Between = {
    tollgatePort: Number(new URL(tollgate.url).port),
    apiPort: Number(new URL(api.url).port),
    token: place.env['GATEWAY_TOKENS']!,
  };
  const rows: Target[] = [];
  for (const { name, start: startGateway, modes } of gateways) {
    for (const mode of modes) {
      const { url, stop: stopGateway } = await startGateway(mode, between);
      stopping.push(stopGateway);
      for (const [uri, what] of mode === 'bare' ? calls.slice(0, 1) : calls) {
        const label = mode === 'bare' ? modeNames.bare : what + modeNames[mode];
        rows.push({ gateway: name, what: label, uri, url });
      }
    }
  }
  return bestOf(rows, tollgate, place);
}

/** The API behind: nginx answering a constant, so that it costs little beside what is measured. */
async function startApi(): Promise<Running> {
  const home = await makeFolder('bench-api');
  const port = await freePort();
  const main = await home.write(
    'nginx.conf',
    `daemon off; worker_processes 1; pid ${home.path}/pid;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } }
}
`,
  );
  return run({
    command: findExecutable('nginx')!,
    args: ['-p', home.path, '-c', main, '-e', `${home.path}/error.log`],
    port,
    remove: home.remove,
  });
}

/**
 * Row by row, round by round, so that a busy minute of the machine falls on all of them; of each the best round, after
 * one that is not counted: what disturbs a machine only ever slows it down.
 */
async function bestOf(targets: Target[], tollgate: Tollgate, place: Place): Promise<Row[]> {
  const found = new Map<Target, Row>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const target of targets) {
      const measured = await measureRow(target, tollgate, place, round === 0 ? 1 : seconds);
      const before = found.get(target);
      if (round > 0 && !(before && before.perSecond >= measured.perSecond)) {
        found.set(target, measured);
      }
    }
    process.stderr.write('.');
  }
  process.stderr.write('\n');
  return targets.map((target) => found.get(target)!);
}

async function measureRow(
  target: Target,
  tollgate: Tollgate,
  { keysFile }: Place,
  forSeconds: number,
): Promise<Row> {
  const from = { asked: await checksOf(tollgate), cpu: cpuSeconds(tollgate) ?? 0 };
  const measured = await load(target.url, keysFile, target.uri, forSeconds);
  const asked = (await checksOf(tollgate)) - from.asked;
  const cpu = (cpuSeconds(tollgate) ?? 0) - from.cpu;
  const perSecond = measured.requests / measured.seconds;
  return { ...measured, ...target, asked, perSecond, cpuMicros: (cpu / measured.requests) * 1e6 };
}

async function load(url: string, keysFile: string, uri: string, forSeconds: number) {
  const script = fileURLToPath(new URL('./through.lua', import.meta.url));
  const options = ['-t', '1', '-c', values.connections, '-d', `${forSeconds}s`, '-s', script];
  const { stdout } = await promisify(execFile)('wrk', [...options, url, '--', keysFile, uri], {
    timeout: (forSeconds + 60) * 1000,
  });
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (!line) throw new Error(`wrk said nothing: ${stdout}`);
  return JSON.parse(line) as Measured;
}

/** How many checks the server has answered, by its own metrics. */
async function checksOf({ url }: Tollgate): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tollgate_check_duration_seconds_count (\d+)/m.exec(text)?.[1] ?? NaN);
}

function print(rows: Row[]): void {
  const heads = ['gateway', 'call', 'req/s', '/bare', 'p50 ms', 'p99 ms', 'asked', 'CPU us', 'errors']; // prettier-ignore
  const lines = rows.map((row) => {
    const bare = rows.find(
      ({ gateway, what }) => gateway === row.gateway && what === modeNames.bare,
    )!;
    return [
      row.gateway,
      row.what,
      Math.round(row.perSecond),
      (row.perSecond / bare.perSecond).toFixed(2),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      `${((row.asked / row.requests) * 100).toFixed(1)} %`,
      Math.round(row.cpuMicros),
      row.socketErrors + (row.what.startsWith('denied') ? row.requests - row.denied : row.denied),
    ].map(String);
  });
  const widths = heads.map((_, at) => Math.max(...[heads, ...lines].map((line) => line[at]!.length))); // prettier-ignore
  process.stdout.write(
    `\nwrk, ${values.connections} connections, ${keys} keys, ${seconds} s a round, best of ${rounds}; ` +
      `load of the machine before: ${loadBefore.toFixed(1)} on ${os.cpus().length} cores\n\n`,
  );
  for (const line of [heads, ...lines]) {
    const cells = line.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))); // prettier-ignore
    process.stdout.write(`${cells.join('  ')}\n`);
  }
  process.stdout.write(`
/bare: of the same gateway without the check. asked: calls that reached Tollgate. CPU: Tollgate's, per call of a client.
errors: answers of another status than the call should have. Load generator, gateway, Tollgate, PostgreSQL and API share
the cores, so read the ratios. Caddy keeps no decisions; what is counted is asked about with the cache too.
`);
}
