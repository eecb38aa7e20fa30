// What the configuration promises: every variable is explained, and a wrong one stops the start by name.
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigError, readConfig, variables } from '../src/config.ts';
import { testEnvironment } from './support/config.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const secrets = [
  'DATABASE_URL',
  'STRIPE_SECRET_KEY',
  'STRIPE_WEBHOOK_SECRET',
  'OPERATOR_TOKENS',
  'GATEWAY_TOKENS',
  'KEY_PEPPER',
];

function refusal(overrides: Record<string, string | undefined>): string {
  try {
    readConfig(testEnvironment(overrides));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('.env.example', () => {
  const lines = readFileSync(`${root}.env.example`, 'utf8').split('\n');
  const assigned = lines
    .filter((line) => /^[A-Z_]+=/.test(line))
    .map((line) => line.split('=')[0]!);

  test('lists exactly the variables that config.ts reads', () => {
    expect(assigned.toSorted()).toEqual(Object.keys(variables).toSorted());
  });

  test('has a comment above each of them', () => {
    for (const name of assigned) {
      let above = lines.findIndex((line) => line.startsWith(`${name}=`)) - 1;
      while (/^[A-Z_]+=/.test(lines[above]!)) above -= 1;
      expect([name, lines[above]]).toEqual([name, expect.stringMatching(/^# [^-]/)]);
    }
  });

  test('shows the true defaults', () => {
    const shown = Object.fromEntries(
      lines.filter((line) => /^[A-Z_]+=./.test(line)).map((line) => line.split('=')),
    );
    const defaults = Object.fromEntries(
      Object.entries(variables).flatMap(([name, schema]) => {
        const parsed = schema.safeParse(undefined);
        return parsed.success && parsed.data !== undefined ? [[name, String(parsed.data)]] : [];
      }),
    );
    expect(shown).toEqual(defaults);
  });
});

describe('a start is refused, naming the variable,', () => {
  test.each(secrets)('when %s is missing, empty or blank', (name) => {
    for (const value of [undefined, '', '   ']) {
      expect(refusal({ [name]: value })).toContain(`${name} is not set or blank`);
    }
  });

  test('when several are missing, for all of them at once', () => {
    const message = refusal(Object.fromEntries(secrets.map((name) => [name, undefined])));
    for (const name of secrets) expect(message).toContain(`${name} is not set or blank`);
  });

  test.each([
    ['DATABASE_URL', 'mysql://somewhere/db'],
    ['STRIPE_SECRET_KEY', 'pk_test_publishable'],
    ['STRIPE_WEBHOOK_SECRET', 'not-a-signing-secret'],
    ['OPERATOR_TOKENS', 'tgo_short'],
    ['GATEWAY_TOKENS', ' , '],
    ['KEY_PEPPER', 'too short'],
    ['PORT', '70000'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['CLOCK', 'sundial'],
  ])('when %s is wrong, without showing its value', (name, value) => {
    const message = refusal({ [name]: value });
    expect(message).toContain(name);
    expect(message).not.toContain(value);
  });

  test('when the clock is movable and the Stripe key is live', () => {
    const live = { STRIPE_SECRET_KEY: `sk_live_${'x'.repeat(24)}` };
    expect(refusal({ ...live, CLOCK: 'movable' })).toContain('CLOCK may not be movable');
    expect(refusal({ ...live, CLOCK: undefined })).toBe('');
  });
});

test('a complete configuration is accepted, with several tokens and secrets side by side', () => {
  const tokens = `tgo_${'a'.repeat(24)}, tgo_${'b'.repeat(24)}`;
  const config = readConfig(testEnvironment({ OPERATOR_TOKENS: tokens, PORT: '3402' }));
  expect(config.operatorTokens).toHaveLength(2);
  expect(config).toMatchObject({ port: 3402, livemode: false, clock: 'movable' });
});

test.each(['src/main.ts', 'src/worker.ts'])(
  '%s ends with an error that names each blank secret',
  (script) => {
    const blank = Object.fromEntries(secrets.map((name) => [name, ' ']));
    const run = spawnSync(process.execPath, ['--import', 'tsx', script], {
      cwd: root,
      env: { PATH: process.env['PATH'], ...blank },
      encoding: 'utf8',
    });
    expect(run.status).toBe(1);
    for (const name of secrets) expect(run.stderr).toContain(`${name} is not set or blank`);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  },
);
