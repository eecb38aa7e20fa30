// `npm run bench:jobs`: due rows settled per second by real worker processes, on each home of the queue, from a short
// backlog to a long one, so that growth can be seen. Prints a table and writes bench/jobs.json. Timings are never
// asserted anywhere; a measurement that takes too long is cut and says so.
//   npm run bench:jobs -- [--rows 1000,10000,100000] [--workers 2] [--seconds 120]
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createLog } from '../src/adapters/log.ts';
import { migrate } from '../src/adapters/migrate.ts';
import { createQueue } from '../src/adapters/queue.ts';
import { newToken, randomBase62 } from '../src/adapters/secret.ts';
import { startPostgres } from '../src/local/postgres.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { redisProgram, startTestRedis } from '../test/support/redis.ts';

const { values: given } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000,10000,100000' },
    workers: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '120' },
  },
});
const sizes = given.rows.split(',').map(Number);
const workers = Number(given.workers);
const limitMs = Number(given.seconds) * 1_000;
const lookEveryMs = 50;

type Kind = {
  /** What settling one row writes. */
  name: string;
  job: string;
  fill: (pool: pg.Pool, rows: number) => Promise<unknown>;
  left: string;
};

const customers = `INSERT INTO customer (id, external_id, created_at)
  SELECT 'cus_' || n, n, now() FROM generate_series(1, $1::int) n`;
const kinds: Kind[] = [
  {
    name: 'reservation: counter and row',
    job: 'expire-reservations',
    async fill(pool, rows) {
      await pool.query(customers, [rows]);
      await pool.query(
        `INSERT INTO usage_reservation (id, customer_id, feature, units, status, created_at, expires_at)
         SELECT 'res_' || n, 'cus_' || n, 'search', 1, 'held', now(), now() FROM generate_series(1, $1::int) n`,
        [rows],
      );
      await pool.query(
        `INSERT INTO usage_counter (customer_id, feature, "window", window_start, held)
         SELECT 'cus_' || n, 'search', 'month', date_trunc('month', now()), 1 FROM generate_series(1, $1::int) n`,
        [rows],
      );
      await pool.query(
        `INSERT INTO usage_hold (reservation_id, customer_id, feature, "window", window_start, units, weight, base, expires_at)
         SELECT 'res_' || n, 'cus_' || n, 'search', 'month', date_trunc('month', now()), 1, 1, 0, now()
         FROM generate_series(1, $1::int) n`,
        [rows],
      );
    },
    left: `SELECT count(*)::int AS left FROM usage_reservation WHERE status = 'held'`,
  },
  {
    name: 'key: row, audit and event',
    job: 'expire-keys',
    async fill(pool, rows) {
      await pool.query(customers, [rows]);
      await pool.query(
        `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, expires_at, created_at)
         SELECT 'key_' || n, 'cus_' || n, int4send(n), 'tg_test_', 'abcd', '{call}', now(), now()
         FROM generate_series(1, $1::int) n`,
        [rows],
      );
    },
    left: 'SELECT count(*)::int AS left FROM api_key WHERE expired_at IS NULL',
  },
];

type Measured = {
  home: string;
  kind: string;
  rows: number;
  workers: number;
  settled: number;
  seconds: number;
  perSecond: number;
  cut: boolean;
};

const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-bench-'));
const password = randomBytes(16).toString('hex');
const postgres = await startPostgres({ dataDir: folder, password });
const redis = redisProgram ? await startTestRedis() : null;
const sandbox = await createSandbox({ port: 0 });
const admin = new pg.Pool({ connectionString: postgres.url, max: 1 });
const measured: Measured[] = [];
try {
  if (!redis) process.stdout.write('Redis left out: no redis-server or valkey-server on PATH.\n');
  for (const kind of kinds) {
    for (const rows of sizes) {
      await keep(await measure(kind, rows, null));
      if (redis) await keep(await measure(kind, rows, redis.url));
    }
  }
  print();
} finally {
  await admin.end();
  await sandbox.close();
  await redis?.stop();
  await postgres.stop('now');
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

/** At once, so that a run that is broken off has told what it knew. */
async function keep(row: Measured): Promise<void> {
  measured.push(row);
  const { home, kind, rows, settled, seconds, perSecond } = row;
  process.stderr.write(`${kind}, ${home}: ${settled} of ${rows} in ${seconds} s, ${perSecond}/s\n`);
  await writeFile('bench/jobs.json', `${JSON.stringify({ workers, measured }, null, 2)}\n`);
}

/** On a database of its own: workers up and idle first, then the backlog, then one wake. */
async function measure(kind: Kind, rows: number, redisUrl: string | null): Promise<Measured> {
  await redis?.flush();
  const name = `bench_${randomBytes(6).toString('hex')}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  await migrate(url.href);
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  const queue = createQueue({
    url: url.href,
    ...(redisUrl ? { redisUrl } : {}),
    log: createLog({ level: 'silent', service: 'bench' }),
  });
  const running = await startWorkers(url.href, redisUrl);
  try {
    await kind.fill(pool, rows);
    await pool.query('ANALYZE');
    const began = Date.now();
    await queue.wake(kind.job);
    let left = rows;
    while (left > 0 && Date.now() - began < limitMs) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      left = ((await pool.query(kind.left)).rows[0] as { left: number }).left;
    }
    const seconds = (Date.now() - began) / 1_000;
    const settled = rows - left;
    return {
      home: redisUrl ? 'Redis' : 'PostgreSQL', kind: kind.name, rows, workers, settled, seconds,
      perSecond: Math.round(settled / seconds), cut: left > 0,
    }; // prettier-ignore
  } finally {
    await Promise.all(running.map(end));
    await queue.close();
    await pool.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function startWorkers(databaseUrl: string, redisUrl: string | null) {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_API_BASE: sandbox.url,
    STRIPE_WEBHOOK_SECRET: `whsec_${randomBase62(32)}`,
    OPERATOR_TOKENS: newToken('tgo_'),
    GATEWAY_TOKENS: newToken('tgg_'),
    KEY_PEPPER: randomBase62(40),
  };
  return Promise.all(
    Array.from({ length: workers }, async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', 'src/worker.ts'], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      while (!printed.includes('worker ready')) {
        const [part] = (await once(child.stdout, 'data')) as [Buffer];
        printed += part.toString();
      }
      child.stdout.resume();
      return child;
    }),
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function print(): void {
  console.table(
    measured.map(({ home, kind, rows, seconds, perSecond, cut }) => ({
      'settles one': kind,
      queue: home,
      due: rows,
      seconds: seconds.toFixed(1),
      'rows/s': perSecond,
      cut: cut ? 'yes' : '',
    })),
  );
  process.stdout.write(
    `${workers} workers, PostgreSQL and, where it is used, Redis share this machine's cores. The time runs from the\n` +
      'wake until no row is left. Ratios compare rows of this run.\n',
  );
}
