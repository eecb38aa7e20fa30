// A gateway on a database of its own, filled by hand-made SQL: triggers announce that too.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { newId } from '../../src/adapters/id.ts';
import { hashSecret, randomBase62 } from '../../src/adapters/secret.ts';
import { makeKey } from '../../src/domain/api-key.ts';
import type { PlanFeature } from '../../src/domain/plan.ts';
import { defaultLadder } from '../../src/domain/plan.ts';
import { routeShape } from '../../src/domain/route-policy.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import type { Config } from '../../src/config.ts';
import { createContext } from '../../src/context.ts';
import type { Api } from '../support/api.ts';
import { createApi } from '../support/api.ts';
import type { TestContext } from '../support/context.ts';
import { createTestContext } from '../support/context.ts';

export type Fixture = Awaited<ReturnType<typeof createFixture>>;
export type PolicyGiven = { method?: string; path: string; access: string } & Partial<{
  feature: string;
  cost: number;
  read_only: boolean;
  when_down: string;
  max_stale_seconds: number;
}>;

export async function createFixture() {
  const test: TestContext = await createTestContext();
  const first = await listen(test.ctx);
  const { pool, config } = test.ctx;
  const environment = gatewayEnvironment(config);
  const sql = (text: string, values: unknown[] = []) => pool.query(text, values);

  return {
    ...test,
    sql,
    environment,
    gatewayPool: first.pool,
    api: first.api,
    url: first.url,
    /** A second process's worth: its own context and caches on the same database. */
    async secondGateway(change: Partial<Config> = {}) {
      const ctx = await createContext({ ...config, ...change }, 'test');
      const server = await listen(ctx);
      return {
        ...server,
        ctx,
        settled: () => ctx.notify.settled(),
        close: async () => {
          await server.close();
          await ctx.close();
        },
      };
    },
    /** Asks for a call as Caddy or Traefik would. */
    ask: (call: string, key?: string, headers: Record<string, string> = {}) =>
      askWith(first.api, test, call, key, headers),
    askAt: (api: Api, call: string, key?: string) => askWith(api, test, call, key, {}),
    async plan(key: string, features: PlanFeature[], price: number | null = null): Promise<string> {
      const id = newId('plan');
      const version = newId('pv');
      await sql(
        'INSERT INTO plan (id, key, current_version, created_at) VALUES ($1, $2, 1, now())',
        [id, key],
      );
      await sql(
        `INSERT INTO plan_version (id, plan_id, version, name, price_amount, price_currency, price_interval, features, ladder, created_at)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, now())`,
        [
          version,
          id,
          key,
          price,
          price && 'eur',
          price && 'month',
          JSON.stringify(features),
          JSON.stringify(defaultLadder),
        ],
      );
      return version;
    },
    async customer(): Promise<string> {
      const id = newId('cus');
      await sql('INSERT INTO customer (id, external_id, created_at) VALUES ($1, $1, now())', [id]);
      return id;
    },
    async subscribe(
      customerId: string,
      planVersionId: string,
      set: Record<string, unknown> = {},
    ): Promise<string> {
      const id = newId('sub');
      await sql(
        `INSERT INTO subscription (id, customer_id, plan_version_id, status, anchor, started_at, created_at)
         VALUES ($1, $2, $3, 'active', now(), now(), now())`,
        [id, customerId, planVersionId],
      );
      for (const [column, value] of Object.entries(set)) {
        await sql(`UPDATE subscription SET ${column} = $2 WHERE id = $1`, [id, value]);
      }
      return id;
    },
    async key(customerId: string, set: Record<string, unknown> = {}): Promise<string> {
      const key = makeKey('test', randomBase62(30));
      const id = newId('key');
      await sql(
        `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, created_at) VALUES ($1, $2, $3, 'tg_test_', $4, '{call}', now())`,
        [id, customerId, hashSecret(config.keyPepper, key), key.slice(-4)],
      );
      for (const [column, value] of Object.entries(set)) {
        await sql(`UPDATE api_key SET ${column} = $2 WHERE id = $1`, [id, value]);
      }
      return key;
    },
    async policy(given: PolicyGiven): Promise<void> {
      await sql(
        `INSERT INTO route_policy (id, method, path, shape, access, feature, cost, read_only, when_down, max_stale_seconds, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())`,
        [
          newId('rp'),
          given.method ?? 'GET',
          given.path,
          routeShape(given.path),
          given.access,
          given.feature ?? null,
          given.cost ?? 1,
          given.read_only ?? false,
          given.when_down ?? 'closed',
          given.max_stale_seconds ?? 300,
        ],
      );
    },
    /** Waits until what was written before has been heard here: notices arrive in the order of commits. */
    settled: () => test.ctx.notify.settled(),
    async close(): Promise<void> {
      await first.close();
      await test.close();
    },
  };
}

/** What a process needs to be a gateway on the database of `config`. */
export function gatewayEnvironment(config: Config): Record<string, string> {
  return {
    DATABASE_URL: config.databaseUrl,
    STRIPE_SECRET_KEY: config.stripeSecretKey,
    STRIPE_WEBHOOK_SECRET: config.stripeWebhookSecrets.join(','),
    OPERATOR_TOKENS: config.operatorTokens.join(','),
    GATEWAY_TOKENS: config.gatewayTokens.join(','),
    KEY_PEPPER: config.keyPepper,
    DATA_DIR: config.dataDir,
    CHECK_WITHIN_MS: String(config.checkWithinMs),
    LOG_LEVEL: 'silent',
  };
}

/** The gateway as a process of its own: what is shared is PostgreSQL alone. */
export async function startGatewayProcess(environment: Record<string, string>) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./gateway-process.ts', import.meta.url))],
    {
      env: { ...process.env, ...environment, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  return {
    child,
    url: line.toString().trim(),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

async function listen(ctx: TestContext['ctx']) {
  const gateway = createGateway(ctx);
  await gateway.warmUp();
  const server = createServer((request, response) => {
    if (!gateway.handle(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    pool: gateway.pool,
    api: createApi(url),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await gateway.close();
    },
  };
}

function askWith(
  api: Api,
  test: TestContext,
  call: string,
  key: string | undefined,
  headers: Record<string, string>,
) {
  const [method, uri] = call.split(' ') as [string, string];
  return api('GET', '/entitlements', {
    headers: {
      'x-gateway-token': test.tokens.gateway,
      'x-forwarded-method': method,
      'x-forwarded-uri': uri,
      ...(key ? { 'x-api-key': key } : {}),
      ...headers,
    },
  });
}
