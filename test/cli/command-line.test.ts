// The commands against a running service: what they print and their exit code, written down as they are. Most run in
// this process; those that are about being a program run as one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runJob } from '../../jobs/run.ts';
import type { Billing } from '../support/billing.ts';
import { apiOf, startBilling } from '../support/billing.ts';
import { until } from '../support/until.ts';
import type { Shell } from './shell.ts';
import { createShell, normalized, transcript } from './shell.ts';

let billing: Billing;
let tollgate: Shell;
let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  billing = await startBilling({ worker: false });
  env = { TOLLGATE_URL: billing.url, TOLLGATE_TOKEN: billing.test.tokens.operator };
  tollgate = createShell(env);
  folder = mkdtempSync(path.join(tmpdir(), 'tollgate-cli-'));
});
afterAll(async () => {
  await billing.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs one line, as a shell would split it. */
async function run(line: string, options?: Parameters<Shell>[1]) {
  const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
  return tollgate(args, options);
}

/** A check, as a gateway asks for it. */
const check = (headers: Record<string, string>) =>
  apiOf(billing.url)('GET', '/entitlements', { headers });

/** Runs them one after the other: all they printed, as it is written down. */
async function session(...lines: string[]): Promise<string> {
  const ran: string[] = [];
  for (const line of lines) ran.push(transcript(line, await run(line)));
  return `\n${normalized(ran.join('\n\n'))}\n`;
}

const file = () => path.join(folder, 'tollgate.yaml');
const configure = (text: string) => writeFileSync(file(), text);
const shown = async (...lines: string[]) =>
  (await session(...lines.map((line) => line.replace('FILE', file())))).replaceAll(
    `${folder}/`,
    '',
  );

const first = `
plans:
- { key: free, name: Free }
- key: pro
  name: Pro
  price: { amount: 4900, currency: usd, interval: month }
  features:
    - { feature: reports, limits: [{ window: month, max: 1000 }] }
- { key: scale, name: Scale, price: { amount: 19900, currency: usd, interval: month } }
route_policies:
- { method: GET, path: /status, access: free }
- { method: GET, path: /account, access: key }
- { method: '*', path: /reports/:id, access: feature, feature: reports }
settings: { default_access: key }
`;

describe('export, plan and apply', () => {
  test('what is exported is what runs: no difference, nothing to do', async () => {
    expect(await shown('export', 'export FILE', 'export FILE')).toMatchSnapshot();
    expect(await shown('plan FILE', 'apply FILE', 'test FILE')).toMatchSnapshot();
    const { body } = await billing.operator('GET', '/configuration');
    expect(JSON.parse((await run('export --json')).stdout)).toEqual(body);
  });

  test('the first apply: what is new, what is archived, what a setting becomes', async () => {
    configure(first);
    expect(await shown('plan FILE', 'apply FILE', 'apply FILE', 'plan FILE')).toMatchSnapshot();
  });
});

describe('customers, keys and subscriptions', () => {
  test('customers are created, listed and shown', async () => {
    expect(await session('customers')).toMatchSnapshot();
    const { stdout } = await run(
      'customers create user-a --name "Ann B" --email a@example.com --json',
    );
    const { id } = JSON.parse(stdout);
    expect(
      await session(
        'customers',
        'customers --json',
        `customers get ${id}`,
        'customers create user-a',
        'customers list --external-id nobody',
      ),
    ).toMatchSnapshot();
  });

  test('a new key is all that goes to stdout, and works', async () => {
    const { id } = await billing.customer();
    const made = await run(
      `keys create --customer ${id} --name CI --scope call:reports --scope manage`,
    );
    const key = made.stdout.trim();
    const checked = await billing.test.ctx.pool.query(
      'SELECT last4 FROM api_key WHERE customer_id = $1',
      [id],
    );
    expect(checked.rows).toEqual([{ last4: key.slice(-4) }]);
    expect(normalized(`${made.stdout}${made.stderr}`)).toMatchSnapshot();
    const { data } = JSON.parse((await run(`keys --customer ${id} --json`)).stdout);
    const [{ id: keyId }] = data;
    expect(
      await session(
        `keys --customer ${id}`,
        `keys create --customer ${id} --expires 2027-01-01T00:00:00Z --json`,
        `keys rotate ${keyId} --overlap 1h`,
        `keys revoke ${keyId}`,
        `keys revoke ${keyId}`,
        `keys rotate ${keyId}`,
      ),
    ).toMatchSnapshot();
  });

  test('subscriptions are made, changed, paused and cancelled', async () => {
    const { id } = await billing.customer('pm_card_visa');
    const made = await run(`subscriptions create --customer ${id} --plan pro --json`);
    const sub = JSON.parse(made.stdout).id;
    expect(
      await session(
        `subscriptions --customer ${id}`,
        `subscriptions change ${sub} --plan scale --preview`,
        `subscriptions change ${sub} --quantity 2 --at-period-end`,
        `subscriptions cancel ${sub}`,
        `subscriptions keep ${sub} --json`,
        `subscriptions pause ${sub}`,
        `subscriptions resume ${sub}`,
        `subscriptions get ${sub}`,
        `subscriptions cancel ${sub} --now --at 2027-01-01T00:00:00Z`,
        `subscriptions create --customer ${id} --plan pro`,
      ),
    ).toMatchSnapshot();
    const timeline = await run(`subscriptions timeline ${sub}`);
    expect(timeline.stdout).toMatch(/^AT +KIND +WHAT +FROM +TO +CODE\n/);
    expect(timeline.stdout).toMatch(/Z  access +access +full +deny +subscription_paused\n/);
  });
});

describe('what a change does to customers', () => {
  test('what customers would lose is told by plan, and stops an apply until it is allowed', async () => {
    for (const card of ['pm_card_visa', 'pm_card_visa'] as const) {
      const { call } = await billing.customer(card);
      await call('POST', '/subscriptions', { plan: 'pro' });
    }
    const more = '- { method: GET, path: /exports, access: feature, feature: exports }\n';
    configure(
      first
        .replace('max: 1000', 'max: 2000')
        .replace('access: key', 'access: deny')
        .replace('settings:', `${more}settings:`),
    );
    const before = (await billing.operator('GET', '/configuration')).body;
    expect(await shown('plan FILE', 'apply FILE')).toMatchSnapshot();
    const refused = await run(`apply ${file()} --json`);
    expect([refused.exitCode, JSON.parse(refused.stdout)]).toMatchObject([
      2,
      { code: 'access_loss', losses: { customers: 3 } },
    ]);
    expect((await billing.operator('GET', '/configuration')).body).toEqual(before);

    const planned = JSON.parse((await run(`plan ${file()} --json`)).stdout);
    const stale = await run(`apply ${file()} --allow-loss --fingerprint ${'0'.repeat(64)}`);
    expect([stale.exitCode, stale.stderr]).toEqual([
      1,
      expect.stringContaining('(configuration_changed)'),
    ]);
    const applied = await run(
      `apply ${file()} --allow-loss --fingerprint ${planned.fingerprint} --json`,
    );
    expect([applied.exitCode, JSON.parse(applied.stdout)]).toMatchObject([
      0,
      { applied: true, changes: planned.changes },
    ]);
    expect(await shown('apply FILE --allow-loss', 'plan FILE')).toMatchSnapshot();
  });

  test('a file that is wrong is told by line and column, and nothing is asked of the service', async () => {
    configure(
      'plans:\n  - { key: Pro }\nroute_policies:\n  - { method: GET, path: "a*", access: fre }\n',
    );
    expect(await shown('plan FILE', 'apply FILE')).toMatchSnapshot();
    const { exitCode, stderr } = await run('plan -', {
      stdin: 'surprise: 1',
      env: { TOLLGATE_URL: 'http://127.0.0.1:9' },
    });
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/^Error: - is not valid:\n {2}-:1:1: surprise: is unknown here/),
    ]);
  });

  test('a test says of a call what the check says of it', async () => {
    configure(`${first}tests:
  - { key: none, call: GET /status, expect: 200 }
  - { key: none, call: GET /reports/1, expect: 401 }
  - { key: unknown, call: GET /account, expect: 401 }
  - { call: GET /account, expect: 200 }
  - { call: GET /reports/1, expect: 402 }
  - { call: GET /nowhere, expect: { policy: null } }
  - { plan: free, call: GET /reports/1, expect: 402 }
  - { plan: pro, call: GET /reports/1, expect: 200 }
  - { plan: pro, call: POST /reports/a%2Fb, expect: 403 }
`);
    await run(`apply ${file()} --allow-loss`);
    const { tests } = JSON.parse((await run(`test ${file()} --json`)).stdout);
    const keys: Record<string, string> = {};
    for (const plan of ['none', 'free', 'pro']) {
      const { id, call } = await billing.customer(plan === 'pro' ? 'pm_card_visa' : undefined);
      if (plan !== 'none') await call('POST', '/subscriptions', { plan });
      keys[plan] = (await run(`keys create --customer ${id}`)).stdout.trim();
    }
    const callers = [
      undefined,
      undefined,
      'tg_test_x',
      keys['none'],
      keys['none'],
      keys['none'],
      keys['free'],
      keys['pro'],
      keys['pro'],
    ];
    const asked = tests.map(async ({ name }: { name: string }, at: number) => {
      const [method, uri] = name.split(': ')[1]!.split(' ');
      const headers = {
        'x-gateway-token': billing.test.tokens.gateway,
        'x-forwarded-method': method!,
        'x-forwarded-uri': uri!,
      };
      const caller = callers[at] ? { 'x-api-key': callers[at] } : {};
      const answer = await check({ ...headers, ...caller });
      return [name, answer.status, answer.body.code ?? null];
    });
    expect(tests.map(({ name, got }: any) => [name, got.status, got.code])).toEqual(
      await Promise.all(asked),
    );
    expect(tests).toHaveLength(callers.length);
  });
});

describe('explain, decisions and stats', () => {
  test('why a call was answered so, and what would change it', async () => {
    const { id, call } = await billing.customer('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'free' });
    const key = (await run(`keys create --customer ${id}`)).stdout.trim();
    const answer = await check({
      'x-gateway-token': billing.test.tokens.gateway,
      'x-api-key': key,
      'x-forwarded-method': 'GET',
      'x-forwarded-uri': '/reports/7?secret=1',
    });
    const decision = answer.headers.get('x-decision-id')!;
    await until(
      'the decision is kept',
      async () => (await billing.operator('GET', `/decisions/${decision}`)).status === 200,
    );
    expect(
      await session(
        `explain ${decision}`,
        `explain --customer ${id} GET /status`,
        `explain --customer ${id} GET /reports/7`,
        'explain GET /reports/7',
        `explain --customer ${id} --feature reports --units 3`,
        `decisions --customer ${id} --denied`,
        `decisions --customer ${id} --allowed`,
        'decisions --code nonsense',
        'explain dec_00000000000000000000000000',
        'explain',
        'explain GET',
      ),
    ).toMatchSnapshot();
    const read = async (line: string) => JSON.parse((await run(`${line} --json`)).stdout);
    expect(await read(`explain ${decision}`)).toEqual(
      (await billing.operator('GET', `/decisions/${decision}`)).body,
    );
    expect((await read(`decisions --customer ${id}`)).data).toMatchObject([{ id: decision }]);
    const told = await run('explain --key - GET /reports/7', { stdin: `${key}\n` });
    expect(told.stdout).toMatch(/^402 feature_not_in_plan: /);
    expect(told.stdout).not.toContain(key);
    expect((await run('explain --key - GET /reports/7', { stdin: '\n' })).stderr).toBe(
      'Error: There is no key on stdin.\n',
    );
    const stats = await run('stats --since 1h');
    expect(stats.exitCode).toBe(0);
    expect(stats.stdout).toMatch(
      /\nCODE +STATUS +CHECKS\n(?:.*\n)*feature_not_in_plan +402 +\d+\n/,
    );
    expect((await read('stats')).totals.checks).toBeGreaterThan(0);
  });
});

describe('jobs and reconcile', () => {
  test('jobs that never ran, no failures, and one that is not there', async () => {
    expect(
      await session('jobs failures', 'jobs retry stripe_object.sub_none', 'jobs failures --json'),
    ).toMatchSnapshot();
    const jobs = await run('jobs');
    expect(jobs.exitCode).toBe(0);
    expect(jobs.stdout).toMatch(
      /^NAME +SCHEDULE +LAST RUN +NEXT RUN +BACKLOG +OLDEST DUE +RESULT\n/,
    );
    const { data } = JSON.parse((await run('jobs --json')).stdout);
    expect(data.map(({ name }: { name: string }) => name)).toEqual(
      billing.ctx.jobs.map(({ name }) => name),
    );
  });

  test('reconcile follows the comparison: 2 for what a dry run would mend, 0 once it is mended', async () => {
    await billing.ctx.queue.work((name) => runJob(billing.ctx, name));
    const { call } = await billing.customer('pm_card_visa');
    const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.delivered();
    await until('all that Stripe told is read again', async () => {
      const { rows } = await billing.ctx.pool.query(
        'SELECT FROM stripe_object WHERE wanted > done',
      );
      return rows.length === 0;
    });
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    await billing.stripe.subscriptions.update(body.stripe_subscription_id, {
      cancel_at_period_end: true,
    });
    const ran = await session('reconcile --dry-run', 'reconcile');
    await billing.control('PUT', '/_sandbox/faults', {});
    expect(ran.replaceAll(/\d+ objects compared/g, 'N objects compared')).toMatchSnapshot();
    expect(JSON.parse((await run('reconcile --json')).stdout)).toMatchObject({
      status: 'done',
      differences: [],
    });
  });
});

describe('audit', () => {
  test('2 and the remedy where something is found; only what is grave enough, where asked', async () => {
    const policy = { method: 'GET', path: '/v1/exports', access: 'feature', feature: 'exports' };
    const made = await billing.operator('POST', '/route-policies', policy);
    expect(
      await session('audit', 'audit --severity error', 'audit --json', 'audit --severity fatal'),
    ).toMatchSnapshot();
    await billing.operator('DELETE', `/route-policies/${made.body.id}`);
    expect(await session('audit --severity error')).toMatchSnapshot();
  });
});

describe('lists', () => {
  test('a list goes on for as many pages as its limit takes, and says where it stopped', async () => {
    const more = Array.from({ length: 105 }, (_, n) => ({ external_id: `many-${n}` }));
    await Promise.all(more.map((body) => billing.operator('POST', '/customers', body)));
    const { data: all } = JSON.parse((await run('customers --limit 10000 --json')).stdout);
    const { rows } = await billing.ctx.pool.query('SELECT count(*)::int AS n FROM customer');
    expect(new Set(all.map(({ id }: { id: string }) => id)).size).toBe(rows[0].n);
    const some = await run('customers --limit 103 --json');
    const page = JSON.parse(some.stdout);
    expect(page.data).toEqual(all.slice(0, 103));
    const rest = await run(`customers --limit 1000 --json --cursor ${page.next_cursor}`);
    expect(JSON.parse(rest.stdout)).toEqual({ data: all.slice(103), next_cursor: null });
    expect((await run('customers --limit 2')).stderr).toMatch(
      /^There are more: --limit, or --cursor \S+\n$/,
    );
  });
});

describe('what goes wrong is a sentence on stderr, with what mends it, and exit code 1', () => {
  const token = () => billing.test.tokens.operator;

  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ['nothing is named and nothing runs here', { TOLLGATE_URL: undefined, TOLLGATE_TOKEN: undefined, DATA_DIR: '/nonexistent' }, /^Error: No service is named, and none runs on \/nonexistent\.\nSet TOLLGATE_URL and TOLLGATE_TOKEN, or start a local one with npm start\.\n$/],
    ['no token', { TOLLGATE_TOKEN: '' }, /^Error: TOLLGATE_TOKEN is not set\.\n/],
    ['no address', { TOLLGATE_URL: undefined }, /^Error: TOLLGATE_URL is not set\.\n/],
    ['an address that is none', { TOLLGATE_URL: 'billing' }, /^Error: TOLLGATE_URL is no URL\.\nIt looks like https:\/\/billing\.example\.com\.\n$/],
    ['another protocol', { TOLLGATE_URL: 'ftp://billing' }, /is no http or https URL/],
    ['a password in the address', { TOLLGATE_URL: 'http://a:s3cret@127.0.0.1' }, /holds a password/],
    ['nobody listens', { TOLLGATE_URL: 'http://127.0.0.1:9' }, /^Error: No answer from http:\/\/127\.0\.0\.1:9: (nothing listens there|the call failed|bad port)\.\nTOLLGATE_URL names it\.\n$/],
    ['a token that is not known', { TOLLGATE_TOKEN: 'tgo_wrong' }, /^Error: .* \(unauthorized\)\.\nhttp:\S+ does not know the token in TOLLGATE_TOKEN: set it to one of its OPERATOR_TOKENS\.\n$/],
    ['a token with a line break', { TOLLGATE_TOKEN: 'tgo_s3cret\nx' }, /^Error: TOLLGATE_TOKEN holds a space, a line break or another character that no token has\.\n$/],
  ])('%s', async (_, changed, said) => {
    const ran = await run('customers', { env: changed });
    expect(ran).toMatchObject({ exitCode: 1, stdout: '' });
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).not.toMatch(/s3cret|tgo_/);
  }); // prettier-ignore

  test('a server that is not Tollgate, one that redirects, and one that says nothing', async () => {
    const seen: string[] = [];
    const other = createServer((req, res) => {
      seen.push(req.headers.authorization ?? '');
      if (req.url === '/keys?limit=50')
        res.writeHead(302, { location: 'http://127.0.0.1:9/' }).end();
      else if (req.url === '/customers?limit=50') res.end('<html>');
      else res.socket!.destroy();
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const said = async (line: string) => (await run(line, { env: { TOLLGATE_URL: url } })).stderr;
    expect(await said('customers')).toBe(
      `Error: ${url} answered 200 without JSON: that is not Tollgate.\nThe address comes from TOLLGATE_URL.\n`,
    );
    expect(await said('keys')).toContain('answered 302 without JSON');
    expect(await said('jobs')).toBe(
      `Error: No answer from ${url}: the connection was cut.\nTOLLGATE_URL names it.\n`,
    );
    expect(seen).toEqual(Array(3).fill(`Bearer ${token()}`));
    other.closeAllConnections();
    other.close();
  });

  test("a customer session is the wrong kind of token for an operator's work", async () => {
    const { id } = await billing.customer();
    const { body } = await billing.operator('POST', `/customers/${id}/sessions`);
    const ran = await run('customers', { env: { TOLLGATE_TOKEN: body.token } });
    expect([ran.exitCode, ran.stderr]).toEqual([
      1,
      expect.stringMatching(/\(forbidden\)\.\nTOLLGATE_TOKEN must be one of the OPERATOR_TOKENS/),
    ]);
  });

  test('what the service refuses, and what is no command at all', async () => {
    expect(
      await session(
        'customers create user-b --timezone Nowhere --email b',
        'customers get cus_00000000000000000000000000',
        'customers get ../settings',
        'customers --limit 0',
        'keys create',
        'keys create --customer cus_1 --expires soon',
        'custmers',
      ),
    ).toMatchSnapshot();
  });
});

describe('dev.json of a running npm start is found where nothing is named', () => {
  const dev = () => ({
    api_url: billing.url, operator_token: billing.test.tokens.operator, gateway_token: 'x', sandbox_url: 'x', sandbox_secret_key: 'x',
    webhook_url: 'x', webhook_secret: 'x', mail_url: 'x', database_url: 'x', pids: { api: 1, worker: 1, sandbox: 1, postgres: 1 },
    demo: { customers: [], routes: { free: 'GET /a', paid: 'GET /a', counted: 'GET /a', not_in_plan: 'GET /a' } },
  }); // prettier-ignore
  const local = () => ({ TOLLGATE_URL: undefined, TOLLGATE_TOKEN: undefined, DATA_DIR: folder });

  test('and said where it names what does not answer, or cannot be read', async () => {
    const file = path.join(folder, 'dev.json');
    writeFileSync(file, JSON.stringify(dev()));
    expect((await run('customers list --external-id user-a', { env: local() })).stdout).toContain(
      'Ann B',
    );
    writeFileSync(file, JSON.stringify({ ...dev(), api_url: 'http://127.0.0.1:9' }));
    expect((await run('customers', { env: local() })).stderr).toContain(
      `${file} names it: is npm start still running?`,
    );
    writeFileSync(file, '{');
    expect((await run('customers', { env: local() })).stderr).toBe(
      `Error: ${file} cannot be read.\nRestart npm start: it writes the file anew.\n`,
    );
  });
});

describe('a terminal and a pipe', () => {
  test('colours only where a person looks and has not asked for none', async () => {
    const colored = async (changed: Record<string, string>, isTty: boolean) => {
      const { stdout } = await run('audit', { env: changed, isTty });
      return /\x1b\[\d/.test(stdout);
    };
    expect(await colored({}, true)).toBe(true);
    expect(await colored({}, false)).toBe(false);
    expect(await colored({ NO_COLOR: '1' }, true)).toBe(false);
    expect(await colored({ TERM: 'dumb' }, true)).toBe(false);
  });

  test('what a customer calls itself cannot steer the terminal', async () => {
    await billing.operator('POST', '/customers', {
      external_id: 'evil',
      name: '\u001b[2Jx\u202ey\nz',
    });
    const { stdout } = await run('customers list --external-id evil');
    expect(stdout).toContain('\ufffd[2Jx\ufffdy\ufffdz');
    expect(stdout.split('\n')).toHaveLength(3);
  });

  test('Ctrl-C ends it with 130, whatever it waits for', async () => {
    const running = JSON.stringify({
      id: 'rec_1', status: 'running', dry_run: false, checked: 7, unchecked: 0, differences: [], differences_total: 0, error: null,
    }); // prettier-ignore
    const slow = createServer((req, res) => {
      if (req.url === '/reconciliations')
        res.setHeader('content-type', 'application/json').end(running);
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const interrupted = { exitCode: 130, stdout: '', stderr: 'Interrupted.\n' };
    for (const [line, requests] of [
      ['customers', 1],
      ['reconcile', 2],
      ['plan -', 0],
    ] as const) {
      const interrupt = new AbortController();
      const stdin = new Readable({ read: () => undefined });
      const seen = requests > 0 ? once(slow, 'request') : Promise.resolve();
      const ran = run(line, { env: { TOLLGATE_URL: url }, signal: interrupt.signal, stdin });
      await seen;
      if (requests > 1) await once(slow, 'request');
      interrupt.abort();
      expect(await ran).toEqual(interrupted);
    }
    const given = await run('reconcile --wait 0s', { env: { TOLLGATE_URL: url }, isTty: true });
    expect([given.exitCode, given.stderr]).toEqual([
      1,
      '\r\u001b[2KComparing with Stripe: 7 looked at, 0 differences …\r\u001b[2KError: It is still running: rec_1.\nAsk again with a longer --wait.\n',
    ]);
    slow.closeAllConnections();
    slow.close();
  });
});

describe('the program that npx tollgate starts', () => {
  /** Its exit code and all it wrote. */
  async function start(args: string[], changed: Record<string, string> = {}) {
    const child = spawn('node', ['bin/tollgate.mjs', ...args], {
      env: { PATH: process.env['PATH'], ...env, ...changed },
    });
    const written = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (written.stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (written.stderr += String(chunk)));
    const exited = once(child, 'exit');
    return { child, written, exited };
  }

  test('prints to its streams and ends with the exit code of the command', async () => {
    const { written, exited } = await start(['customers', 'list', '--external-id', 'user-a']);
    expect(await exited).toEqual([0, null]);
    expect(written).toEqual({
      ...(await run('customers list --external-id user-a')),
      exitCode: undefined,
    });
  });

  test('ends quietly where its reader goes away, and with 130 at SIGINT', async () => {
    const piped = await start(['customers', '--limit', '10000', '--json']);
    piped.child.stdout.destroy();
    expect([(await piped.exited)[0], piped.written.stderr]).toEqual([0, '']);
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const port = (silent.address() as AddressInfo).port;
    const waiting = await start(['customers'], { TOLLGATE_URL: `http://127.0.0.1:${port}` });
    await once(silent, 'request');
    waiting.child.kill('SIGINT');
    expect(await waiting.exited).toEqual([130, null]);
    expect(waiting.written).toEqual({ stdout: '', stderr: 'Interrupted.\n' });
    silent.closeAllConnections();
    silent.close();
  });

  test.each([
    'plan', 'apply', 'export', 'test', 'audit', 'explain', 'decisions', 'stats', 'reconcile', 'customers list', 'customers get',
    'customers create', 'keys list', 'keys create', 'keys rotate', 'keys revoke', 'subscriptions list', 'subscriptions get',
    'subscriptions create', 'subscriptions change', 'subscriptions cancel', 'subscriptions keep', 'subscriptions pause',
    'subscriptions resume', 'subscriptions timeline', 'jobs list', 'jobs failures', 'jobs retry',
  ])('%s --help has examples of it, and --json', async (command) => {
    const { exitCode, stdout } = await run(`${command} --help`);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`  $ tollgate ${command.replace(' list', '')}`)]);
    expect(stdout).toContain('--json');
  }); // prettier-ignore

  test('its help', async () => {
    expect(await session('--help', 'keys create --help', 'help test')).toMatchSnapshot();
  });
});
