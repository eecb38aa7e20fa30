// `tollgate test`: rows beside a configuration, decided by the code that decides calls. What it prints and its exit code
// are written down as they are; each kind of row says what the check would say.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createShell, transcript } from './shell.ts';

/** No service is named: none is asked. */
const tollgate = createShell({ DATA_DIR: '/nonexistent' });
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tollgate-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const configuration = `
plans:
  - key: free
    name: Free
    features:
      - feature: reports
        limits: [{ window: day, max: 10, on_exceed: wait }]
  - key: pro
    name: Pro
    price: { amount: 2900, currency: usd, interval: month }
    features:
      - feature: reports
        limits:
          - { window: month, max: 1000 }
          - { window: minute, max: 60, on_exceed: wait }
      - feature: tokens
        limits: [{ window: billing_period, max: 100, overage: { unit_amount_decimal: '50' } }]
      - feature: small
        pool: { pool: credits, cost: 5 }
    pools:
      - { pool: credits, limits: [{ window: month, max: 100 }] }
route_policies:
  - { method: GET, path: /status, access: free }
  - { method: GET, path: /account, access: key, read_only: true }
  - { method: GET, path: /reports, access: feature, feature: reports, read_only: true }
  - { method: POST, path: /reports, access: feature, feature: reports, cost: 5 }
  - { method: POST, path: /tokens, access: feature, feature: tokens }
  - { method: GET, path: /small, access: feature, feature: small }
  - { method: '*', path: /v1/*, access: subscription }
  - { method: '*', path: /internal/*, access: deny }
`;

/** One row, against the configuration above and more of it. */
async function outcome(row: string, more = ''): Promise<string> {
  const file = path.join(folder, 'row.yaml');
  writeFileSync(file, `${configuration}${more}\ntests:\n  - ${row}\n`);
  const { stdout, stderr, exitCode } = await tollgate(['test', file, '--json']);
  if (exitCode === 1) return stderr;
  const [{ got }] = JSON.parse(stdout).tests;
  return [got.status, got.code ?? got.access].join(' ');
}

describe('each member of a row counts in the decision', () => {
  test.each<[string, string]>([
    ['{ key: none, call: GET /status, expect: 200 }', '200 full'],
    ['{ key: none, call: GET /status?a=1, expect: 200 }', '200 full'],
    ['{ key: none, call: GET /account, expect: 401 }', '401 key_missing'],
    ['{ key: unknown, call: GET /account, expect: 401 }', '401 key_invalid'],
    ['{ key: expired, call: GET /account, expect: 401 }', '401 key_invalid'],
    ['{ key: revoked, call: GET /account, expect: 401 }', '401 key_invalid'],
    ['{ call: GET /account, expect: 200 }', '200 full'],
    ['{ call: HEAD /account, expect: 200 }', '200 full'],
    ['{ key: { scopes: ["call:tokens"] }, plan: pro, call: GET /reports, expect: 403 }', '403 key_scope'],
    ['{ key: { caps: [{ feature: reports, window: day, max: 3, used: 3 }] }, plan: pro, call: GET /reports, expect: 429 }', '429 rate_limited'],
    ['{ key: { caps: [{ feature: reports, window: day, max: 3, used: 2 }] }, plan: pro, call: GET /reports, expect: 200 }', '200 full'],
    ['{ call: GET /reports, expect: 402 }', '402 no_subscription'],
    ['{ plan: free, call: POST /tokens, expect: 402 }', '402 feature_not_in_plan'],
    ['{ plan: free, call: POST /tokens, overrides: { tokens: { limit: 5 } }, expect: 200 }', '200 full'],
    ['{ plan: free, call: POST /tokens, overrides: { tokens: { limit: 5 } }, used: { tokens: 5 }, expect: 402 }', '402 quota_exhausted'],
    ['{ plan: free, call: GET /reports, used: { reports: 9 }, expect: 200 }', '200 full'],
    ['{ plan: free, call: GET /reports, used: { reports: 10 }, expect: 429 }', '429 rate_limited'],
    ['{ plan: free, call: POST /reports, used: { reports: 6 }, expect: 429 }', '429 rate_limited'],
    ['{ plan: pro, call: GET /reports, used: { reports: { minute: 60 } }, expect: 429 }', '429 rate_limited'],
    ['{ plan: pro, call: GET /reports, used: { reports: { month: 1000, minute: 60 } }, expect: 402 }', '402 quota_exhausted'],
    ['{ plan: pro, call: GET /small, used: { credits: 95 }, expect: 200 }', '200 full'],
    ['{ plan: pro, call: GET /small, used: { credits: 96 }, expect: 402 }', '402 quota_exhausted'],
    ['{ plan: pro, call: POST /tokens, used: { tokens: 5000 }, expect: 200 }', '200 full'],
    ['{ plan: pro, call: POST /tokens, used: { tokens: 101 }, customer: { spend_cap: 100 }, expect: 200 }', '200 full'],
    ['{ plan: pro, call: POST /tokens, used: { tokens: 102 }, customer: { spend_cap: 100 }, expect: 402 }', '402 spend_cap_reached'],
    ['{ plan: pro, call: GET /reports, customer: { blocked: true }, expect: 403 }', '403 customer_blocked'],
    ['{ plan: pro, feature: reports, cost: 1000, expect: 429 }', '429 rate_limited'],
    ['{ plan: pro, feature: reports, cost: 1001, expect: 402 }', '402 quota_exhausted'],
    ['{ plan: pro, call: GET /v1/a/b, expect: 200 }', '200 full'],
    ['{ plan: pro, call: GET /internal/a, expect: 403 }', '403 route_denied'],
    ['{ plan: pro, call: GET /v1%2Fa, expect: 403 }', '403 path_ambiguous'],
    ['{ call: GET /nowhere, expect: { policy: null } }', '402 no_subscription'],
    ['{ key: none, call: OPTIONS /reports, expect: { policy: null } }', '200 full'],
  ])('%s', async (row, said) => expect(await outcome(row)).toBe(said)); // prettier-ignore

  test.each<[string, string, string]>([
    ['trialing', 'GET /v1/a', '200 full'],
    ['{ status: past_due }', 'GET /v1/a', '200 full'],
    ['{ status: past_due, for: 72h }', 'GET /v1/a', '200 warn'],
    ['{ status: past_due, for: 167h }', 'GET /v1/a', '200 warn'],
    ['{ status: past_due, for: 7d }', 'GET /v1/a', '402 payment_past_due'],
    ['{ status: past_due, for: 7d }', 'GET /reports', '200 read_only'],
    ['{ status: past_due, for: 14d }', 'GET /reports', '402 payment_past_due'],
    ['unpaid', 'GET /v1/a', '402 payment_past_due'],
    ['paused', 'GET /v1/a', '402 subscription_paused'],
    ['{ status: paused, after_trial: true }', 'GET /v1/a', '402 trial_ended'],
    ['{ paused: true }', 'GET /v1/a', '402 subscription_paused'],
    ['canceled', 'GET /v1/a', '402 subscription_canceled'],
    ['{ status: canceled, for: 3d, after_trial: true }', 'GET /v1/a', '402 trial_ended'],
    ['incomplete', 'GET /v1/a', '402 payment_incomplete'],
    ['incomplete_expired', 'GET /v1/a', '402 no_subscription'],
  ])('subscription: %s, %s: %s', async (subscription, call, said) => {
    const row = `{ plan: pro, subscription: ${subscription}, call: ${call}, expect: 200 }`;
    expect(await outcome(row)).toBe(said);
  });

  test.each<[string, string, string]>([
    ['default_access: free', '{ key: none, call: GET /nowhere, expect: { policy: null } }', '200 full'],
    ['default_plan: free', '{ call: GET /reports, expect: 200 }', '200 full'],
    ['pause_policy: serve', '{ plan: pro, subscription: { paused: true }, call: GET /reports, expect: 200 }', '200 full'],
    ['default_ladder: [{ after_hours: 0, access: full }, { after_hours: 1, access: deny }]', '{ plan: pro, subscription: { status: past_due, for: 1h }, call: GET /reports, expect: 402 }', '402 payment_past_due'],
  ])('the setting %s', async (setting, row, said) => {
    expect(await outcome(row, `settings: { ${setting} }`)).toBe(said);
  }); // prettier-ignore
});

describe('what it prints', () => {
  async function session(...files: [string, string][]): Promise<string> {
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
    const [main, ...others] = files.map(([name]) => name);
    const args = ['test', main!, ...others.flatMap((name) => ['--tests', name])];
    const placed = args.map((arg) => (arg.endsWith('.yaml') ? path.join(folder, arg) : arg));
    return `\n${transcript(args.join(' '), await tollgate(placed))}\n`.replaceAll(`${folder}/`, '');
  }

  test('how many passed, where all did', async () => {
    const tests = 'tests:\n  - { key: none, call: GET /status, expect: 200 }\n';
    expect(await session(['tollgate.yaml', configuration + tests])).toMatchSnapshot();
  });

  test('each that failed: where it stands, what came, why, and what would change it', async () => {
    const tests = `tests:
  - { key: none, call: GET /status, expect: 200 }
  - { key: none, call: GET /v1/health, expect: 200 }
  - name: free plans may write
    plan: free
    call: POST /reports
    used: { reports: 8 }
    expect: { status: 200, feature: reports }
  - plan: pro
    call: GET /reports
    subscription: { status: past_due, for: 10d }
    expect: { status: 200, access: full, plan: free, policy: GET /status }
`;
    const further =
      'tests:\n  - { plan: pro, call: POST /tokens, expect: { code: quota_exhausted } }\n';
    expect(
      await session(['tollgate.yaml', configuration + tests], ['more.yaml', further]),
    ).toMatchSnapshot();
  });

  test('a file whose rows are wrong: all of it, each with line and column', async () => {
    const tests = `tests:
  - { plan: fre, call: GET /status, expect: 200 }
  - { plan: free, call: GET /statuss, expect: 200 }
  - { plan: free, call: GET /reports, used: { report: 1 }, expect: { policy: GET /, plan: x } }
  - { plan: free, feature: maps, key: { caps: [{ feature: x, window: day, max: 1 }] }, expect: 200 }
`;
    expect(await session(['tollgate.yaml', configuration + tests])).toMatchSnapshot();
    const form = `tests:
  - { call: GET /status }
  - { call: /status, expect: 200 }
  - { call: GET /status, expect: 201 }
  - { call: GET /status, expect: { status: 404 } }
  - { call: GET /status, expect: {} }
  - { call: GET /status, feature: reports, expect: 200 }
  - { call: GET /status, cost: 2, expect: 200 }
  - { call: GET /status, subscription: active, expect: 200 }
  - { plan: pro, call: GET /status, subscription: { state: active }, expect: 200 }
  - { plan: pro, call: GET /status, subscription: { status: past_due, for: long }, expect: 200 }
  - { plan: pro, call: GET /status, used: { reports: { week: 1 } }, expect: 200 }
  - { plan: pro, call: GET /status, overrides: { reports: {} }, expects: 200, expect: 200 }
`;
    expect(await session(['tollgate.yaml', configuration + form])).toMatchSnapshot();
  });

  test('no tests, no such file, not YAML', async () => {
    expect(await session(['tollgate.yaml', configuration])).toMatchSnapshot();
    expect(await session(['tollgate.yaml', 'plans: [}'])).toMatchSnapshot();
    const none = await tollgate(['test', path.join(folder, 'none.yaml')]);
    expect([none.exitCode, none.stderr]).toEqual([
      1,
      expect.stringContaining('there is no such file'),
    ]);
    expect((await tollgate(['test', folder])).stderr).toContain('it is a folder');
    const endless = await tollgate(['test', '/dev/zero']);
    expect([endless.exitCode, endless.stderr]).toEqual([
      1,
      'Error: /dev/zero is larger than 1 MiB.\n',
    ]);
  });

  test('the example of the documentation holds', async () => {
    const { exitCode, stdout } = await tollgate(['test', 'docs/tollgate.example.yaml']);
    expect([exitCode, stdout]).toEqual([0, '11 tests: 11 passed.\n']);
  });

  test('stdin is read where the file is -', async () => {
    const stdin = `${configuration}tests:\n  - { call: GET /reports, expect: 402 }\n`;
    const ran = await tollgate(['test', '-'], { stdin });
    expect(ran).toEqual({ exitCode: 0, stdout: '1 test: 1 passed.\n', stderr: '' });
    const big = await tollgate(['test', '-'], { stdin: ' '.repeat(1_048_577) });
    expect([big.exitCode, big.stderr]).toEqual([
      1,
      'Error: What comes on stdin is larger than 1 MiB.\n',
    ]);
  });
});
