// `npm start` from the outside: what it brings up, how it ends, what it keeps, and what the next start makes
// of what a killed one left.
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { DevFile } from '../../src/local/dev-file.ts';
import { readDevFile } from '../../src/local/dev-file.ts';
import { choosePort, tryPort } from '../../src/local/free-port.ts';
import { isAlive } from '../../src/local/processes.ts';
import {
  filesWith,
  npmStart,
  removePlace,
  serverOf,
  repository,
  stillAlive,
  untilUp,
} from '../support/installation.ts';
import type { Place, StartedNpm } from '../support/installation.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
const top = mkdtempSync(path.join(os.tmpdir(), 'tollgate-lifecycle-'));
const running = new Set<StartedNpm>();
const places = new Set<Place>();
// Several starts in one test, on a machine that does other things too.
jest.setTimeout(120_000);

async function newPlace(name: string): Promise<Place> {
  const folder = path.join(top, name);
  mkdirSync(folder, { mode: 0o700 });
  return {
    dataDir: path.join(folder, '.tollgate'),
    ports: { api: await choosePort(null), sandbox: await choosePort(null) },
  };
}

function start(place: Place): StartedNpm {
  const started = npmStart(place);
  places.add(place);
  running.add(started);
  return started;
}

async function untilGone(dev: DevFile, place: Place): Promise<void> {
  await until('every process is gone', () => stillAlive(dev).length === 0, 20_000);
  expect(await tryPort(place.ports.api)).toBe(place.ports.api);
  expect(await tryPort(place.ports.sandbox)).toBe(place.ports.sandbox);
}

/** The calls that the start has printed, run as a person pastes them: their statuses. */
function pasteCalls(printed: string): number[] {
  const lines = printed.split('\n').filter((line) => line.trim().startsWith('curl -si '));
  return lines.map((line) => {
    const answer = execFileSync('sh', ['-c', line], { encoding: 'utf8' });
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  });
}

let copy: string | undefined;

/** Same files, other folder, as hard links; there is one copy, which moves to whoever asks next. */
function copyRepository(to: string): string {
  mkdirSync(path.dirname(to), { recursive: true });
  if (copy) renameSync(copy, to);
  else linkRepository(to);
  return (copy = to);
}

function linkRepository(to: string): void {
  mkdirSync(to);
  const wanted = [
    'src',
    'jobs',
    'prisma',
    'templates',
    'scripts',
    'node_modules',
    'package.json',
    'tsconfig.json',
  ];
  for (const how of ['-al', '-a']) {
    const run = spawnSync('cp', [how, ...wanted, to], { cwd: repository });
    if (run.status === 0) return;
  }
  throw new Error('the repository could not be copied');
}

afterAll(() => {
  for (const { npm, signalGroup } of running) {
    if (npm.exitCode === null && npm.signalCode === null) signalGroup('SIGKILL');
  }
  for (const place of places) removePlace(place);
  rmSync(top, { recursive: true, force: true });
});

describe('npm start with nothing configured', () => {
  let place: Place;
  let first: DevFile;
  let printed: string;

  test('brings everything up, prints calls that work, and ends on Ctrl-C without a trace', async () => {
    place = await newPlace('first');
    const started = start(place);
    const dev = (first = await untilUp(started, place));
    expect(statSync(path.join(place.dataDir, 'dev.json')).mode & 0o777).toBe(0o600);
    // Nobody else may look inside; root's own database user must get through.
    expect(statSync(place.dataDir).mode & 0o066).toBe(0);
    expect(dev.demo.customers.map((customer) => customer.plan).toSorted()).toEqual(['free', 'pro']);
    expect(stillAlive(dev).toSorted()).toEqual(['api', 'postgres', 'sandbox', 'worker']);
    expect(pasteCalls(started.printed())).toEqual([200, 402, 402, 200, 401]);
    started.signalGroup('SIGINT');
    const { code, signal, tookMs } = await started.ended();
    expect([code, signal, started.printed()]).toEqual([0, null, expect.anything()]);
    expect(tookMs).toBeLessThan(15_000);
    await untilGone(dev, place);
    printed = started.printed();
  });

  test('lets no secret into a log, and prints only those that it shows on purpose', () => {
    const file = path.join(place.dataDir, 'secrets.json');
    const secrets = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    const keys = first.demo.customers.map((customer) => customer.api_key);
    expect(Object.keys(secrets)).toHaveLength(6);
    for (const secret of [...Object.values(secrets), ...keys]) {
      expect(filesWith(path.join(place.dataDir, 'logs'), secret)).toEqual([]);
    }
    const { operator_token, gateway_token, ...hidden } = secrets;
    for (const shown of [operator_token, gateway_token]) expect(printed).toContain(shown);
    for (const secret of Object.values(hidden)) expect(printed).not.toContain(secret);
  });

  test('keeps its data over a restart, starts a killed part again, and ends completely on SIGTERM to npm', async () => {
    const started = start(place);
    const before = await untilUp(started, place);
    expect(before).toMatchObject({ demo: first.demo, operator_token: first.operator_token });
    expect(pasteCalls(started.printed())).toEqual([200, 402, 402, 200, 401]);
    process.kill(before.pids.worker, 'SIGKILL');
    const second = start(place);
    expect((await second.ended()).code).not.toBe(0);
    expect(second.printed()).toContain(`Another npm start is running on ${place.dataDir}`);
    const elsewhere = { ...place, dataDir: path.join(path.dirname(place.dataDir), 'other') };
    const third = start(elsewhere);
    expect((await third.ended()).code).not.toBe(0);
    expect(third.printed()).toContain(
      `Port ${place.ports.api} is taken by another program: set PORT`,
    );
    const after = await until('the worker is back', () => {
      const dev = readDevFile(place.dataDir);
      return dev && dev.pids.worker !== before.pids.worker && isAlive(dev.pids.worker) && dev;
    });
    started.npm.kill('SIGTERM');
    await started.ended();
    await untilGone(after, place);
  });

  test('after kill -9 of the whole group and of every part, starts again with its data, and a second Ctrl-C ends it', async () => {
    const killed = start(place);
    const dev = await untilUp(killed, place);
    killed.signalGroup('SIGKILL');
    for (const name of ['api', 'worker'] as const) process.kill(dev.pids[name], 'SIGKILL');
    const again = start(place);
    const next = await untilUp(again, place);
    expect(next.demo).toEqual(first.demo);
    expect(stillAlive(dev)).toEqual([]);
    // npm alone is killed: what it ran notices, and the next start waits for its end.
    again.npm.kill('SIGKILL');
    const last = start(place);
    const final = await untilUp(last, place);
    expect(stillAlive(next)).toEqual([]);
    expect(final.demo).toEqual(first.demo);
    // Stopped in its tracks, it cannot end in order: whoever presses Ctrl-C again does not wait for it.
    process.kill(final.pids.worker, 'SIGSTOP');
    const since = Date.now();
    await until('the second Ctrl-C ends it', () => {
      if (last.npm.exitCode !== null || last.npm.signalCode !== null) return true;
      last.signalGroup('SIGINT');
      return false;
    });
    expect(Date.now() - since).toBeLessThan(8_000);
    await untilGone(final, place);
  });
});

test('Ctrl-C while it is still starting leaves nothing behind', async () => {
  const place = await newPlace('early');
  const started = start(place);
  await until('it has begun', () => started.printed().includes('Starting Tollgate'));
  started.signalGroup('SIGINT');
  expect(await started.ended()).toMatchObject({ code: 0 });
  expect(existsSync(path.join(place.dataDir, 'run.json'))).toBe(false);
  expect(existsSync(path.join(place.dataDir, 'dev.json'))).toBe(false);
  expect(serverOf(place)).toBeNull();
});

test('a taken port is said in one line, whoever holds it', async () => {
  const place = await newPlace('taken');
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(place.ports.sandbox, '127.0.0.1', resolve));
  const started = start(place);
  const { code } = await started.ended();
  holder.close();
  expect(code).toBe(1);
  expect(started.printed()).toContain(
    `Port ${place.ports.sandbox} is taken by another program: set SANDBOX_PORT`,
  );
  expect(started.printed()).not.toMatch(/\n\s+at /);
});

if (isRoot) {
  describe('root', () => {
    test('may run it in a checkout below a folder of mode 0700', async () => {
      const place = await newPlace('closed');
      const checkout = copyRepository(path.join(path.dirname(place.dataDir), 'checkout'));
      const inside = { ...place, checkout, dataDir: path.join(checkout, '.tollgate') };
      const started = start(inside);
      const dev = await untilUp(started, inside);
      started.signalGroup('SIGINT');
      await started.ended();
      await untilGone(dev, inside);
      removePlace(inside);
      places.delete(inside);
    });
  });

  test('a user without rights may run it', async () => {
    const place = await newPlace('unprivileged');
    const home = path.join(top, 'unprivileged');
    const user = { uid: 65_534, gid: 65_534, home };
    const checkout = copyRepository(path.join(home, 'checkout'));
    chownSync(home, user.uid, user.gid);
    chmodSync(top, 0o755);
    const theirs = { ...place, checkout, user };
    const started = start(theirs);
    const dev = await untilUp(started, theirs);
    expect(statSync(path.join(place.dataDir, 'postgres')).uid).toBe(user.uid);
    started.signalGroup('SIGINT');
    await started.ended();
    await untilGone(dev, theirs);
  });
} else {
  process.stdout.write('not root: what root may do is tested where the tests run as root\n');
}
