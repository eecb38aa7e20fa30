// The secrets of a local installation: made on the first start, kept in the data folder, never constant and
// never printed from here.
import path from 'node:path';
import { z } from 'zod';
import { newToken, randomBase62 } from '../adapters/secret.ts';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const schema = z.object({
  database_password: z.string(),
  key_pepper: z.string(),
  operator_token: z.string(),
  gateway_token: z.string(),
  sandbox_secret_key: z.string(),
  webhook_secret: z.string(),
});

export type LocalSecrets = z.output<typeof schema>;

export function loadSecrets(dataDir: string): LocalSecrets {
  const file = path.join(dataDir, 'secrets.json');
  const kept = readPrivateJson(file, schema);
  if (kept) return kept;
  const made: LocalSecrets = {
    database_password: randomBase62(32),
    key_pepper: randomBase62(43),
    operator_token: newToken('tgo_'),
    gateway_token: newToken('tgg_'),
    sandbox_secret_key: `sk_test_${randomBase62(32)}`,
    webhook_secret: `whsec_${randomBase62(32)}`,
  };
  writePrivateJson(file, made);
  return made;
}
