// Does a request once, however often it is sent under one Idempotency-Key. Keeps hashes and a sealed answer,
// never the key itself. Runs on machine time (PostgreSQL's, so that all processes share it).
import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { deriveKey, open, seal } from '../adapters/secret.ts';
import { AppError } from '../domain/error.ts';

const leaseSeconds = 60;
const keptHours = 24;

/** An answer as it leaves: `body` already serialised, so that a replay is the same to the byte. */
export type Answer = { status: number; headers: Record<string, string>; body: string | null };
export type IdempotentRequest = {
  /** Caller, method and path: what the key is unique within. */
  scope: string[];
  key: string;
  /** See `hashOf`. */
  requestHash: Buffer;
};
type Store = { pool: pg.Pool; config: { keyPepper: string } };

/** SHA-256 over JSON whose members are sorted: the same request, however its client wrote it. */
export function hashOf(body: unknown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(sorted(body)) ?? '')
    .digest();
}

/**
 * Runs `run` at most once per key and answers what it answered: 2xx and 4xx are kept for a day, 5xx and
 * exceptions free the key. Throws `idempotency_mismatch` and `idempotency_in_flight`.
 */
export async function withIdempotency(
  ctx: Store,
  request: IdempotentRequest,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const id = createHash('sha256')
    .update(JSON.stringify([...request.scope, request.key]))
    .digest();
  const lease = randomUUID();
  if (!(await claim(ctx, id, lease, request.requestHash))) return replay(ctx, id, request);
  let answer: Answer | undefined;
  try {
    answer = await run();
  } finally {
    if (!answer || answer.status >= 500) await free(ctx, id, lease);
  }
  if (answer.status < 500) await keep(ctx, { id, lease, key: request.key, answer });
  return answer;
}

/** Ours if nobody has it, if its holder let the lease run out on the same request, or if it is a day old. */
async function claim(ctx: Store, id: Buffer, lease: string, requestHash: Buffer): Promise<boolean> {
  const { rowCount } = await ctx.pool.query(
    `INSERT INTO idempotency_record AS held (id, request_hash, lease_token, lease_until, created_at)
     VALUES ($1, $2, $3, now() + make_interval(secs => $4), now())
     ON CONFLICT (id) DO UPDATE SET request_hash = EXCLUDED.request_hash, lease_token = EXCLUDED.lease_token,
       lease_until = EXCLUDED.lease_until, created_at = EXCLUDED.created_at, status = NULL, headers = NULL, body = NULL
     WHERE held.created_at < now() - make_interval(hours => $5)
        OR (held.status IS NULL AND held.lease_until < now() AND held.request_hash = EXCLUDED.request_hash)`,
    [id, requestHash, lease, leaseSeconds, keptHours],
  );
  return rowCount === 1;
}

async function replay(ctx: Store, id: Buffer, request: IdempotentRequest): Promise<Answer> {
  const { rows } = await ctx.pool.query<{
    request_hash: Buffer;
    status: number | null;
    headers: Record<string, string>;
    body: Buffer | null;
  }>('SELECT request_hash, status, headers, body FROM idempotency_record WHERE id = $1', [id]);
  const kept = rows[0];
  if (kept && !kept.request_hash.equals(request.requestHash)) {
    throw new AppError(
      'idempotency_mismatch',
      'This Idempotency-Key was used with another request.',
    );
  }
  // Gone meanwhile: its holder failed and freed it just now, so trying again is right, in a moment.
  if (!kept || kept.status === null) {
    throw new AppError(
      'idempotency_in_flight',
      'A request with this Idempotency-Key is under way.',
    );
  }
  const body = kept.body ? open(sealingKey(ctx, request.key), kept.body) : null;
  if (kept.body && !body)
    throw new Error('a kept answer cannot be opened: was the pepper changed?');
  return {
    status: kept.status,
    headers: { ...kept.headers, 'Idempotency-Replayed': 'true' },
    body: body?.toString('utf8') ?? null,
  };
}

async function keep(
  ctx: Store,
  held: { id: Buffer; lease: string; key: string; answer: Answer },
): Promise<void> {
  const { answer } = held;
  await ctx.pool.query(
    `UPDATE idempotency_record SET status = $3, headers = $4, body = $5 WHERE id = $1 AND lease_token = $2`,
    [
      held.id,
      held.lease,
      answer.status,
      JSON.stringify(answer.headers),
      answer.body === null ? null : seal(sealingKey(ctx, held.key), answer.body),
    ],
  );
}

async function free(ctx: Store, id: Buffer, lease: string): Promise<void> {
  // Best effort: without it the lease ends by itself.
  await ctx.pool
    .query('DELETE FROM idempotency_record WHERE id = $1 AND lease_token = $2', [id, lease])
    .catch(() => undefined);
}

function sealingKey(ctx: Store, key: string): Buffer {
  return deriveKey(ctx.config.keyPepper, 'idempotency', key);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
