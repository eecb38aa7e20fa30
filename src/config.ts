// The only reader of process.env (the sandbox has its own). Turns it into one typed object, or stops the
// start with a message that names each variable and what it should hold. Never logs a value.
import { z } from 'zod';

const secret = z.string().trim().min(16, 'must hold at least 16 characters');
const port = z.coerce.number().int().min(0).max(65_535);
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** Comma-separated, so that several are valid while one is being replaced. */
const several = (one: z.ZodType<string, string>) =>
  z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .pipe(z.array(one).min(1, 'must name at least one'));
const token = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}[0-9A-Za-z_-]{24,}$`), {
    error: `must be ${prefix} followed by at least 24 characters of 0-9A-Za-z_-`,
  });

/** One entry per variable; `.env.example` lists the same ones (a test compares them). */
export const variables = {
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL'),
  DATABASE_DIRECT_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL')
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must be a redis:// or rediss:// URL')
    .optional(),
  STRIPE_SECRET_KEY: z
    .string()
    .trim()
    .regex(/^(sk|rk)_(test|live)_.{8,}$/, 'must be a Stripe secret key (sk_test_…, sk_live_…)'),
  STRIPE_WEBHOOK_SECRET: several(
    z.string().regex(/^whsec_.{16,}$/, 'must be whsec_… as Stripe shows it'),
  ),
  STRIPE_API_BASE: url.optional(),
  OPERATOR_TOKENS: several(token('tgo_')),
  GATEWAY_TOKENS: several(token('tgg_')),
  KEY_PEPPER: secret.min(32, 'must hold at least 32 characters'),
  HOST: z.string().default('0.0.0.0'),
  PORT: port.default(3402),
  PUBLIC_URL: url.optional(),
  METRICS_PORT: port.optional(),
  CLOCK: z.enum(['machine', 'movable']).default('machine'),
  CHECK_WITHIN_MS: z.coerce.number().int().min(20).max(10_000).default(200),
  USAGE_DURABILITY: z.enum(['durable', 'relaxed']).default('durable'),
  RECONCILE_CALLS_PER_SECOND: z.coerce.number().int().min(1).max(1_000).default(20),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  SANDBOX_PORT: port.default(3403),
  DATA_DIR: z.string().min(1).default('.tollgate'),
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/[^/\s]+/, 'must be an smtp:// or smtps:// URL')
    .optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^<>\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/, 'must be an address, or Name <address>')
    .default('Tollgate <tollgate@localhost>'),
  MAIL_TEMPLATES: z.string().optional(),
  MAIL_KEEP: z.enum(['no', 'yes']).default('no'),
  OPERATOR_EMAIL: z.email('must be an address').optional(),
  ACCOUNT_URL: url.optional(),
  WEBHOOK_ALLOW_PRIVATE: z.enum(['no', 'yes']).default('no'),
};

const service = z
  .object(variables)
  .omit({ SANDBOX_PORT: true })
  .transform((env) => ({
    databaseUrl: env.DATABASE_URL,
    databaseDirectUrl: env.DATABASE_DIRECT_URL ?? env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    stripeSecretKey: env.STRIPE_SECRET_KEY,
    stripeWebhookSecrets: env.STRIPE_WEBHOOK_SECRET,
    stripeApiBase: env.STRIPE_API_BASE,
    livemode: /^(sk|rk)_live_/.test(env.STRIPE_SECRET_KEY),
    operatorTokens: env.OPERATOR_TOKENS,
    gatewayTokens: env.GATEWAY_TOKENS,
    keyPepper: env.KEY_PEPPER,
    host: env.HOST,
    port: env.PORT,
    publicUrl: (env.PUBLIC_URL ?? `http://127.0.0.1:${env.PORT}`).replace(/\/+$/, ''),
    metricsPort: env.METRICS_PORT,
    clock: env.CLOCK,
    checkWithinMs: env.CHECK_WITHIN_MS,
    usageDurability: env.USAGE_DURABILITY,
    reconcileCallsPerSecond: env.RECONCILE_CALLS_PER_SECOND,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    mailTemplates: env.MAIL_TEMPLATES,
    keepMail: env.MAIL_KEEP === 'yes',
    operatorEmail: env.OPERATOR_EMAIL,
    accountUrl: env.ACCOUNT_URL,
    webhookAllowPrivate: env.WEBHOOK_ALLOW_PRIVATE === 'yes',
  }))
  .refine((config) => !(config.clock === 'movable' && config.livemode), {
    path: ['CLOCK'],
    error: 'may not be movable with a live Stripe key: business time would leave real money behind',
  })
  .refine((config) => !(config.keepMail && config.livemode), {
    path: ['MAIL_KEEP'],
    error: 'may not be yes with a live Stripe key: anybody who reaches the API could read the mail',
  });

const local = z
  .object({
    PORT: variables.PORT,
    SANDBOX_PORT: variables.SANDBOX_PORT,
    DATA_DIR: variables.DATA_DIR,
  })
  .transform((env) => ({ port: env.PORT, sandboxPort: env.SANDBOX_PORT, dataDir: env.DATA_DIR }));

export type Config = z.output<typeof service>;
export type LocalConfig = z.output<typeof local>;
export type Environment = Record<string, string | undefined>;

/** What the API and the worker run on. Throws `ConfigError`. */
export function readConfig(env: Environment = process.env): Config {
  return read(service, env);
}

/** What `npm start` runs on when nothing else is configured. Throws `ConfigError`. */
export function readLocalConfig(env: Environment = process.env): LocalConfig {
  return read(local, env);
}

export class ConfigError extends Error {}

function read<T>(schema: z.ZodType<T>, env: Environment): T {
  // A variable that is set but blank is a mistake nobody meant as "use the default": it counts as missing.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? 'configuration');
    return `  ${name} ${given[name] === undefined ? 'is not set or blank' : issue.message}`;
  });
  throw new ConfigError(
    `Tollgate cannot start:\n${[...new Set(lines)].join('\n')}\nSee .env.example.`,
  );
}
