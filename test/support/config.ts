// A valid configuration with secrets made for this run: what a test changes is all it has to say.
import os from 'node:os';
import path from 'node:path';
import { newToken, randomBase62 } from '../../src/adapters/secret.ts';
import { readConfig } from '../../src/config.ts';
import type { Config, Environment } from '../../src/config.ts';

/** The environment of a complete configuration; `overrides` set, or with undefined remove, single variables. */
export function testEnvironment(overrides: Environment = {}): Environment {
  return {
    DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
    STRIPE_SECRET_KEY: `sk_test_${randomBase62(24)}`,
    STRIPE_WEBHOOK_SECRET: `whsec_${randomBase62(32)}`,
    // Nothing listens there: a test that did not ask for a sandbox must not reach Stripe.
    STRIPE_API_BASE: 'http://127.0.0.1:1',
    OPERATOR_TOKENS: newToken('tgo_'),
    GATEWAY_TOKENS: newToken('tgg_'),
    KEY_PEPPER: randomBase62(40),
    HOST: '127.0.0.1',
    PORT: '0',
    CLOCK: 'movable',
    RECONCILE_CALLS_PER_SECOND: '1000',
    // A busy machine is no outage.
    CHECK_WITHIN_MS: '2000',
    LOG_LEVEL: 'silent',
    DATA_DIR: path.join(os.tmpdir(), `tollgate-data-${randomBase62(12)}`),
    ...overrides,
  };
}

export function testConfig(overrides: Environment = {}): Config {
  return readConfig(testEnvironment(overrides));
}
