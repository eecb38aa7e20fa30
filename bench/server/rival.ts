// The way people do it by hand: Express, and per request one prepared, indexed SQL join through a pool. It checks
// key, customer and subscription, and counts nothing. Prints its URL.
import { createHash, createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';

const config = readConfig();
const pool = new pg.Pool({ connectionString: config.databaseUrl, max: 16 });
const app = express();
app.get('/entitlements', async (request, response) => {
  const digest = createHash('sha256')
    .update(request.get('x-api-key') ?? '')
    .digest();
  const { rows } = await pool.query<{ status: string; features: { feature: string }[] }>({
    name: 'check',
    text: `SELECT s.status, v.features FROM api_key k
      JOIN customer c ON c.id = k.customer_id AND c.deleted_at IS NULL AND NOT c.blocked
      JOIN subscription s ON s.customer_id = c.id AND s.status IN ('active', 'trialing')
      JOIN plan_version v ON v.id = s.plan_version_id
      WHERE k.hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) LIMIT 1`,
    values: [createHmac('sha256', config.keyPepper).update(digest).digest()],
  });
  const allowed = rows[0]?.features.some(({ feature }) => feature === 'flat') ?? false;
  response.status(allowed ? 200 : 402).json({ allowed });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
