// The secrets an endpoint's events are signed with: made here, shown once, kept sealed. While one replaces
// another both sign, until the older one's end, in machine time.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { deriveKey, open, seal } from '../../adapters/secret.ts';
import type { Context } from '../../context.ts';

const sealedSecret = z.object({ sealed: z.string(), ends_at: z.string().nullable() });
export type SealedSecret = z.output<typeof sealedSecret>;

/** `whsec_` and 32 random bytes in base64, as the specification wants them. */
export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

export function sealSecret(ctx: Pick<Context, 'config'>, secret: string): SealedSecret {
  return { sealed: seal(keyOf(ctx), secret).toString('base64'), ends_at: null };
}

/** The kept ones that still hold at `nowMs`, all of which end with the overlap from now on at the latest. */
export function withEnd(kept: unknown, nowMs: number, overlapSeconds: number): SealedSecret[] {
  const end = new Date(nowMs + overlapSeconds * 1000).toISOString();
  return valid(kept, nowMs)
    .map(({ sealed, ends_at }) => ({ sealed, ends_at: ends_at && ends_at < end ? ends_at : end }))
    .filter(({ ends_at }) => Date.parse(ends_at) > nowMs);
}

/** In the clear, newest first. */
export function openSecrets(ctx: Pick<Context, 'config'>, kept: unknown, nowMs: number): string[] {
  return valid(kept, nowMs).flatMap(({ sealed }) => {
    const secret = open(keyOf(ctx), Buffer.from(sealed, 'base64'));
    return secret ? [secret.toString('utf8')] : [];
  });
}

function valid(kept: unknown, nowMs: number): SealedSecret[] {
  const secrets = z.array(sealedSecret).parse(kept);
  return secrets.filter(({ ends_at }) => ends_at === null || Date.parse(ends_at) > nowMs);
}

function keyOf({ config }: Pick<Context, 'config'>): Buffer {
  return deriveKey(config.keyPepper, 'webhook secret');
}
