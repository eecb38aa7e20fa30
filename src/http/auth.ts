// Who is calling, by the one credential REST takes: `Authorization: Bearer`, told apart by prefix; a gateway
// shows its token in a header of its own. Never logs what it reads, and every refusal looks the same.
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Caller } from '../actions/caller.ts';
import { findCustomerByKey, findCustomerBySession } from '../actions/credential.ts';
import { isSameSecret } from '../adapters/secret.ts';
import type { Context } from '../context.ts';
import { AppError } from '../domain/error.ts';
import type { Who } from './route.ts';

const credentialLengthMax = 256;
const nobody: Caller = { kind: 'anyone', id: 'anyone' };

/** The caller, or 401 (no credential, or a bad one) or 403 (a good one of the wrong kind). */
export async function authenticate(ctx: Context, who: Who[], req: Request): Promise<Caller> {
  if (who.includes('gateway')) {
    const gateway = readGateway(ctx, req);
    if (gateway) return gateway;
    if (!req.headers.authorization) {
      throw new AppError('gateway_unauthorized', 'X-Gateway-Token is missing or not valid.');
    }
  }
  const given = req.headersDistinct.authorization;
  if (!given && who.includes('anyone')) return nobody;
  const caller = given?.length === 1 ? await identify(ctx, readBearer(given[0]!)) : null;
  if (!caller) throw new AppError('unauthorized', 'A valid Bearer credential is needed.');
  if (who.includes('anyone') || who.some((kind) => kind === caller.kind)) return caller;
  throw new AppError('forbidden', 'This credential is valid, but not for this.');
}

function readBearer(header: string): string {
  return /^Bearer +([0-9A-Za-z_-]+) *$/i.exec(header)?.[1]?.slice(0, credentialLengthMax) ?? '';
}

async function identify(ctx: Context, credential: string): Promise<Caller | null> {
  if (credential.startsWith('tgo_')) {
    return isOneOf(credential, ctx.config.operatorTokens)
      ? { kind: 'operator', id: fingerprint(credential) }
      : null;
  }
  if (credential.startsWith('tgs_')) return findCustomerBySession(ctx, credential);
  if (/^tg_(?:live|test)_/.test(credential)) return findCustomerByKey(ctx, credential);
  return null;
}

function readGateway(ctx: Context, req: Request): Caller | null {
  const given = req.headersDistinct['x-gateway-token'];
  const token = given?.length === 1 ? given[0]! : '';
  return isOneOf(token, ctx.config.gatewayTokens)
    ? { kind: 'gateway', id: fingerprint(token) }
    : null;
}

/** Compares with each, also after a match: how long it takes says nothing. */
function isOneOf(given: string, valid: string[]): boolean {
  return valid.map((token) => isSameSecret(given, token)).includes(true);
}

/** Tells two tokens apart in the audit without naming either. */
function fingerprint(token: string): string {
  return createHash('sha256').update(`fingerprint ${token}`).digest('hex').slice(0, 12);
}
