// `dev.json` in the data folder: all that a tool, a test or a person needs to use a local installation.
// It holds secrets, so it is for its owner only.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const demoCustomer = z.object({
  id: z.string(),
  external_id: z.string(),
  plan: z.string(),
  api_key: z.string(),
  /** The subscription's id. */
  subscription: z.string(),
});
/** As in "GET /path". */
const route = z.string().regex(/^[A-Z]+ \//);

export const demoSchema = z.object({
  customers: z.array(demoCustomer),
  routes: z.object({ free: route, paid: route, counted: route, not_in_plan: route }),
});

const pid = z.number().int();
const schema = z.object({
  api_url: z.string(),
  sandbox_url: z.string(),
  sandbox_secret_key: z.string(),
  webhook_url: z.string(),
  webhook_secret: z.string(),
  mail_url: z.string(),
  database_url: z.string(),
  operator_token: z.string(),
  gateway_token: z.string(),
  pids: z.object({ api: pid, worker: pid, sandbox: pid, postgres: pid }),
  demo: demoSchema,
});

export type DemoCustomer = z.output<typeof demoCustomer>;
export type Demo = z.output<typeof demoSchema>;
export type DevFile = z.output<typeof schema>;

const nameIn = (dataDir: string) => path.join(dataDir, 'dev.json');

export const writeDevFile = (dataDir: string, content: DevFile): void =>
  writePrivateJson(nameIn(dataDir), content);

/** Null where nothing was started yet. */
export const readDevFile = (dataDir: string): DevFile | null =>
  readPrivateJson(nameIn(dataDir), schema);

export const removeDevFile = (dataDir: string): void => rmSync(nameIn(dataDir), { force: true });
