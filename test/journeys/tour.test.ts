// The story that a newcomer is told is true: `npm run tour` against a started system, twice, and
// `npm run clock` beside it.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { call } from '../../src/local/call.ts';
import type { DevFile } from '../../src/local/dev-file.ts';
import { choosePort } from '../../src/local/free-port.ts';
import { npmStart, removePlace, repository, untilUp } from '../support/installation.ts';
import type { Place, StartedNpm } from '../support/installation.ts';

jest.setTimeout(180_000);
const folder = mkdtempSync(path.join(os.tmpdir(), 'tollgate-tour-'));
let place: Place;
let system: StartedNpm;
let dev: DevFile;

beforeAll(async () => {
  place = {
    dataDir: path.join(folder, '.tollgate'),
    ports: { api: await choosePort(null), sandbox: await choosePort(null) },
  };
  system = npmStart(place);
  dev = await untilUp(system, place);
});

afterAll(async () => {
  if (system.npm.exitCode === null) system.signalGroup('SIGINT');
  await system.ended();
  removePlace(place);
  rmSync(folder, { recursive: true, force: true });
});

async function npmRun(...args: string[]): Promise<{ code: number | null; printed: string }> {
  const run = spawn('npm', ['run', '-s', ...args], {
    cwd: repository,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATA_DIR: place.dataDir },
  });
  let printed = '';
  for (const stream of [run.stdout, run.stderr]) {
    stream.on('data', (part: Buffer) => (printed += part.toString()));
  }
  const code = await new Promise<number | null>((resolve) => run.once('close', resolve));
  return { code, printed };
}

async function businessTime(): Promise<number> {
  const url = `${dev.api_url}/test/clock`;
  const { body } = await call({ method: 'GET', url, token: dev.operator_token });
  return Date.parse((body as { now: string }).now);
}

test.each(['the first', 'the second'])('the tour goes as told %s time', async () => {
  const { code, printed } = await npmRun('tour');
  expect({ code, printed }).toEqual({ code: 0, printed: expect.anything() });
  const statuses = printed.match(/^ {2}< \d{3}$/gm)?.map((line) => Number(line.slice(4)));
  expect(statuses).toEqual([201, 201, 200, 402, 201, 200, 200, 200, 402, 401, 200]);
  for (const secret of [dev.operator_token, dev.gateway_token, dev.sandbox_secret_key]) {
    expect(printed).not.toContain(secret);
  }
});

test('no log of any process holds a credential, a card or a link that acts for somebody', () => {
  const credential =
    /\btg[ogs]_\w{20}|\btg_(test|live)_\w{30}|whsec_|sk_test_|postgres:\/\/|4242424242|\/a\/\w{20}/;
  const logs = path.join(place.dataDir, 'logs');
  const lines = readdirSync(logs).flatMap((name) =>
    readFileSync(path.join(logs, name), 'utf8').split('\n'),
  );
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => credential.test(line))).toEqual([]);
});

test('the clock moves forward by what is asked, and never back', async () => {
  const before = await businessTime();
  expect(await npmRun('clock', '--', '+35d')).toMatchObject({ code: 0 });
  const moved = (await businessTime()) - before;
  expect(Math.round(moved / 86_400_000)).toBe(35);
  const back = await npmRun('clock', '--', '2020-01-01T00:00:00Z');
  expect(back).toMatchObject({ code: 1, printed: expect.stringContaining('forward only') });
  expect(await npmRun('clock', '--', 'tomorrow')).toMatchObject({ code: 1 });
});
