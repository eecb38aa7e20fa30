// The configuration that `npm start` gives to each process it starts: the same variables that a production
// set-up names, with values made for this data folder.
import type { Environment } from '../config.ts';
import { variables } from '../config.ts';
import type { LocalSecrets } from './secrets.ts';

export type Endpoints = {
  secrets: LocalSecrets;
  apiUrl: string;
  sandboxUrl: string;
  webhookUrl: string;
  databaseUrl: string;
  sandboxFolder: string;
  dataFolder: string;
};

/** What a person may still set beside the local values. */
const kept = new Set([
  'LOG_LEVEL',
  'METRICS_PORT',
  'USAGE_DURABILITY',
  'MAIL_FROM',
  'MAIL_TEMPLATES',
  'ACCOUNT_URL',
]);
const portOf = (url: string) => new URL(url).port;

export function apiEnvironment(env: Environment, local: Endpoints): Record<string, string> {
  const { secrets } = local;
  return {
    ...foreign(env),
    DATABASE_URL: local.databaseUrl,
    STRIPE_SECRET_KEY: secrets.sandbox_secret_key,
    STRIPE_WEBHOOK_SECRET: secrets.webhook_secret,
    STRIPE_API_BASE: local.sandboxUrl,
    OPERATOR_TOKENS: secrets.operator_token,
    GATEWAY_TOKENS: secrets.gateway_token,
    KEY_PEPPER: secrets.key_pepper,
    HOST: '127.0.0.1',
    PORT: portOf(local.apiUrl),
    PUBLIC_URL: local.apiUrl,
    CLOCK: 'movable',
    // Everything on one machine, perhaps a busy one.
    CHECK_WITHIN_MS: '2000',
    DATA_DIR: local.dataFolder,
    MAIL_KEEP: 'yes',
    WEBHOOK_ALLOW_PRIVATE: 'yes',
  };
}

/** The worker listens nowhere, so that a port for metrics is the API's alone. */
export function workerEnvironment(env: Environment, local: Endpoints): Record<string, string> {
  return { ...apiEnvironment(env, local), METRICS_PORT: '' };
}

/** The sandbox has no database, and is up before ours is. */
export function sandboxEnvironment(
  env: Environment,
  local: Omit<Endpoints, 'databaseUrl'>,
): Record<string, string> {
  return {
    ...foreign(env),
    SANDBOX_PORT: portOf(local.sandboxUrl),
    SANDBOX_SECRET_KEY: local.secrets.sandbox_secret_key,
    SANDBOX_DATA_DIR: local.sandboxFolder,
    SANDBOX_WEBHOOK_URL: local.webhookUrl,
    SANDBOX_WEBHOOK_SECRET: local.secrets.webhook_secret,
  };
}

/** Our own variables, which local mode decides, and what somebody set without thinking of us. */
export function ignoredVariables(env: Environment): string[] {
  const ours = ['PORT', 'SANDBOX_PORT', 'DATA_DIR', ...kept];
  return Object.keys(variables).filter((name) => env[name]?.trim() && !ours.includes(name));
}

function foreign(env: Environment): Record<string, string> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (kept.has(entry[0]) || !(entry[0] in variables)) &&
      !entry[0].startsWith('SANDBOX_'),
  );
  return Object.fromEntries(entries);
}
