// Where a scenario runs: a database filled with so many keys, and the environment of servers on it. Each is made
// when it is first needed.
import path from 'node:path';
import pg from 'pg';
import { migrate } from '../src/adapters/migrate.ts';
import { newToken, randomBase62 } from '../src/adapters/secret.ts';
import { fill } from './fill.ts';
import type { Shares } from './scenarios.ts';

/** What a new installation keeps of decisions. */
const usualShares: Shares = { allowed: 0.001, denied: 1 };

export type Place = { env: Record<string, string>; keysFile: string; keys: number };

/** Databases on the server at `url`; files in `folder`. */
export function createPlaces({ url, folder }: { url: string; folder: string }) {
  const places = new Map<number, Promise<Place>>();

  async function prepare(keys: number): Promise<Place> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`CREATE DATABASE bench_${keys}`);
    await client.end();
    const database = new URL(url);
    database.pathname = `/bench_${keys}`;
    await migrate(database.href);
    const pepper = randomBase62(40);
    const keysFile = path.join(folder, `keys-${keys}`);
    await fill({ url: database.href, pepper, keys, keysFile });
    const env = {
      DATABASE_URL: database.href,
      STRIPE_SECRET_KEY: `sk_test_${randomBase62(24)}`,
      STRIPE_WEBHOOK_SECRET: `whsec_${randomBase62(32)}`,
      STRIPE_API_BASE: 'http://127.0.0.1:1',
      OPERATOR_TOKENS: newToken('tgo_'),
      GATEWAY_TOKENS: newToken('tgg_'),
      KEY_PEPPER: pepper,
      LOG_LEVEL: 'silent',
      DATA_DIR: folder,
    };
    return { env, keysFile, keys };
  }

  return function placeWith(keys: number): Promise<Place> {
    const place = places.get(keys) ?? prepare(keys);
    places.set(keys, place);
    return place;
  };
}

/** Servers on the place hear of it by themselves, within milliseconds. */
export async function keepDecisions({ env }: Place, kept = usualShares): Promise<void> {
  const client = new pg.Client({ connectionString: env['DATABASE_URL'] });
  await client.connect();
  await client.query('UPDATE setting SET decision_share_allowed = $1, decision_share_denied = $2', [
    kept.allowed,
    kept.denied,
  ]);
  await client.end();
}
