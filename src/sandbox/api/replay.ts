// Idempotency keys: the first answer of a POST is kept for 24 hours and given again, declines too
// (https://docs.stripe.com/api/idempotent_requests). Kept over restarts.
import { createHash } from 'node:crypto';
import { StripeError } from './error.ts';
import type { StoredAnswer } from '../store/entity-session.ts';
import type { World } from '../world.ts';

const keptMs = 24 * 3_600_000;
const keyLengthMax = 255;
const sweepEvery = 500;

/** What makes two requests the same: method, path and parameters, never the key itself. */
export const fingerprintOf = (method: string, path: string, form: string): string =>
  createHash('sha256').update(`${method} ${path}\n${form}`).digest('hex');

/** The kept answer of this key, if there is one that may be given again. */
export const findAnswer = (world: World, key: string, fingerprint: string): StoredAnswer | null => {
  if (key.length > keyLengthMax) {
    throw new StripeError(
      400,
      {
        type: 'invalid_request_error',
        message: `Idempotency keys cannot be longer than ${keyLengthMax} characters.`,
      },
      { executed: false },
    );
  }
  const kept = world.store.get('idempotency_key', key);
  if (kept === undefined || world.machineNow() - kept.stored_at > keptMs) return null;
  if (kept.fingerprint === fingerprint) return kept;
  throw new StripeError(
    400,
    {
      type: 'idempotency_error',
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    },
    { executed: false },
  );
};

/** 409: another request with this key is being answered. */
export const inFlight = (key: string): StripeError =>
  new StripeError(
    409,
    {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
    },
    { executed: false },
  );

/** Keeps an answer; now and then those that are too old go. */
export const keepAnswer = (
  world: World,
  answer: { key: string; fingerprint: string; status: number; body: unknown },
): void => {
  const { key, ...rest } = answer;
  const now = world.machineNow();
  world.store.put('idempotency_key', {
    id: key,
    object: 'idempotency_key',
    stored_at: now,
    ...rest,
  });
  if (world.store.size('idempotency_key') % sweepEvery !== 0) return;
  for (const row of [...world.store.all('idempotency_key')]) {
    if (now - row.stored_at > keptMs) world.store.remove('idempotency_key', row.id);
  }
};
