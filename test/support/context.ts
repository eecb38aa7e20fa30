// The real context on a database of its own, and on demand the real sandbox beside it.
import { jobs } from '../../jobs/index.ts';
import { createContext } from '../../src/context.ts';
import type { Context } from '../../src/context.ts';
import type { Config, Environment } from '../../src/config.ts';
import { choosePort } from '../../src/local/free-port.ts';
import { readConfig } from '../../src/config.ts';
import { testEnvironment } from './config.ts';
import { createTestDatabase } from './database.ts';
import { startTestSandbox } from './sandbox.ts';
import type { TestSandbox } from './sandbox.ts';

export type TestContext = {
  ctx: Context;
  config: Config;
  /** What `config` was read from: for processes of their own. */
  env: Environment;
  tokens: { operator: string; gateway: string };
  /** Only where asked for. */
  sandbox?: TestSandbox;
  /** Closes the context, the sandbox and the database. */
  close: () => Promise<void>;
};

/**
 * `env` overrides single variables. With `sandbox`, Stripe is a sandbox that sends its webhooks to
 * the port of `config`, where `startTestServer` listens.
 */
export async function createTestContext(
  options: { env?: Environment; sandbox?: boolean } = {},
): Promise<TestContext> {
  const database = await createTestDatabase();
  const port = options.sandbox ? await choosePort(null) : 0;
  const env = testEnvironment({ DATABASE_URL: database.url, PORT: String(port), ...options.env });
  const alone = readConfig(env);
  const sandbox = options.sandbox ? await sandboxFor(alone) : undefined;
  const config = sandbox ? { ...alone, stripeApiBase: sandbox.url } : alone;
  const ctx = await createContext(config, 'test', jobs);
  return {
    ctx,
    config,
    env: { ...env, ...(sandbox ? { STRIPE_API_BASE: sandbox.url } : {}) },
    tokens: { operator: config.operatorTokens[0]!, gateway: config.gatewayTokens[0]! },
    ...(sandbox ? { sandbox } : {}),
    async close() {
      await ctx.close();
      await sandbox?.close();
      await database.drop();
    },
  };
}

function sandboxFor(config: Config): Promise<TestSandbox> {
  return startTestSandbox({
    secretKey: config.stripeSecretKey,
    webhookUrl: `http://127.0.0.1:${config.port}/webhooks/stripe`,
    webhookSecret: config.stripeWebhookSecrets[0]!,
  });
}
