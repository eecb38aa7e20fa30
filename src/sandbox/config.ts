// The sandbox's settings: the only place of the sandbox that reads the environment.
import { z } from 'zod';

const schema = z.object({
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(3403),
  SANDBOX_HOST: z.string().min(1).default('127.0.0.1'),
  SANDBOX_DATA_DIR: z.string().min(1).default('.tollgate/sandbox'),
  SANDBOX_SECRET_KEY: z
    .string()
    .regex(/^sk_test_\w{8,}$/, 'begins with sk_test_')
    .optional(),
  SANDBOX_PUBLIC_URL: z.url().optional(),
  SANDBOX_WEBHOOK_URL: z.url().optional(),
  SANDBOX_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_\w{8,}$/, 'begins with whsec_')
    .optional(),
});

export type Config = {
  port: number;
  host: string;
  dataDir: string;
  secretKey: string | undefined;
  publicUrl: string | undefined;
  webhook: { url: string; secret: string } | undefined;
};

/** The settings, or a line that names what is wrong; an empty variable counts as absent. */
export const readConfig = (env: NodeJS.ProcessEnv = process.env): Config | { problem: string } => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = schema.safeParse(given);
  if (!read.success) {
    const [issue] = read.error.issues;
    return { problem: `${String(issue?.path[0] ?? '')}: ${issue?.message ?? ''}` };
  }
  const { SANDBOX_WEBHOOK_URL: url, SANDBOX_WEBHOOK_SECRET: secret } = read.data;
  if ((url === undefined) !== (secret === undefined)) {
    return {
      problem: 'SANDBOX_WEBHOOK_URL and SANDBOX_WEBHOOK_SECRET are given together or not at all',
    };
  }
  return {
    port: read.data.SANDBOX_PORT,
    host: read.data.SANDBOX_HOST,
    dataDir: read.data.SANDBOX_DATA_DIR,
    secretKey: read.data.SANDBOX_SECRET_KEY,
    publicUrl: read.data.SANDBOX_PUBLIC_URL?.replace(/\/$/, ''),
    webhook: url === undefined || secret === undefined ? undefined : { url, secret },
  };
};
