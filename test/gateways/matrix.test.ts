// Gateway × case: the real programs, on the recipes as shipped, between a real client, a real Tollgate and an API.
// Ends with the matrix as a table. `npm run test:gateways nginx` runs one; a program that is not installed is left out
// and named, except in CI.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { cachedCases } from './cached-cases.ts';
import { cases, sceneAt } from './cases.ts';
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Running, Variant } from './program.ts';
import { startStand } from './stand.ts';
import type { Stand } from './stand.ts';
import { worker } from './worker.ts';

const programs = [nginx, caddy, haproxy, apache, worker];
const rows = [...cases, ...cachedCases];
const asked = process.env.GATEWAYS?.split(/[ ,]+/).filter(Boolean) ?? [];
const chosen = asked.length ? programs.filter(({ name }) => asked.includes(name)) : programs;
const missing = chosen.filter((program) => !program.isInstalled());
const present = chosen.filter((program) => !missing.includes(program));
const results = new Map<string, Map<string, string>>();

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(async () => {
  process.stdout.write(`\n${table()}\n`);
  await stand.close();
});

test('the gateways asked for are there, or are named with how to have them', () => {
  const names = programs.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(asked));
  for (const { name, install } of missing) {
    process.stdout.write(`left out: ${name} is not installed; ${install}\n`);
  }
  if (process.env.CI) expect(missing.map(({ name }) => name)).toEqual([]);
});

describe.each(present)('$name', (program) => {
  const running = new Map<Variant, { gateway: Running; wire: TcpProxy }>();

  beforeAll(async () => {
    const started = await Promise.allSettled(
      program.variants.map(async (variant) => {
        const wire = await startTcpProxy({ host: '127.0.0.1', port: stand.tollgate.port });
        const { api, token } = stand;
        const place = { tollgatePort: wire.port, apiPort: api.port, token };
        running.set(variant, { gateway: await program.start(variant, place), wire });
      }),
    );
    for (const each of started) if (each.status === 'rejected') throw each.reason;
  });
  afterAll(async () => {
    for (const { gateway, wire } of running.values()) {
      await gateway.stop();
      await wire.close();
    }
  });

  const results = resultsOf(program.name);
  for (const { name, variant, needs, run } of rows) {
    if (!program.variants.includes(variant) || (needs && !program.abilities.includes(needs))) {
      results.set(name, '–');
      continue;
    }
    results.set(name, 'not run');
    test(name, async () => {
      results.set(name, 'FAILED');
      const { gateway, wire } = running.get(variant)!;
      await run(sceneAt(gateway.url, stand, wire));
      results.set(name, 'ok');
    });
  }
});

function resultsOf(program: string): Map<string, string> {
  const own = new Map<string, string>();
  results.set(program, own);
  return own;
}

/** One row a case, one column a gateway; a dash where a gateway has nothing of the kind. */
function table(): string {
  const names = present.map(({ name }) => name);
  const lines = [
    ['', ...names],
    ...rows.map(({ name }) => [name, ...names.map((each) => results.get(each)?.get(name) ?? '')]),
  ];
  const width = Math.max(...lines.map(([first]) => first!.length));
  return lines
    .map(([first, ...cells]) =>
      [first!.padEnd(width), ...cells.map((cell) => cell.padEnd(8))].join('  ').trimEnd(),
    )
    .join('\n');
}
