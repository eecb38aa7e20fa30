// Reads a check request: which form, which credential, which call is to be decided. The path of the request
// to us chooses the source, and nothing else is read: whatever else we read, a client could write.
import type { IncomingMessage } from 'node:http';
import type { Asked } from '../domain/check.ts';
import { readOrigin } from '../domain/origin.ts';

export type Form = 'plain' | 'nginx';

export type Credential =
  | { kind: 'key'; value: string }
  | { kind: 'customer'; id: string }
  | { kind: 'missing' }
  | { kind: 'repeated' };

export type ForwardAuth = { kind: 'forward-auth'; form: Form; asked: Asked };
export type Endpoint = ForwardAuth | { kind: 'check' } | { kind: 'batch' } | { kind: 'unknown' };

/** The headers we may read, by lower-case name: the value, or null where it came more than once. */
export type GatewayHeaders = Map<string, string | null>;

const read = new Set([
  'x-gateway-token',
  'x-api-key',
  'authorization',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'idempotency-key',
  'content-type',
]);

/** Node keeps only the first of some repeated headers; the raw list keeps all, so a second one is seen. */
export function readHeaders(request: IncomingMessage): GatewayHeaders {
  const headers: GatewayHeaders = new Map();
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (read.has(name)) headers.set(name, headers.has(name) ? null : raw[i + 1]!);
  }
  return headers;
}

const prefix = '/entitlements';
const featurePath = /^\/features\/([a-z0-9_-]{1,40})(?:\/(0|[1-9][0-9]{0,14}))?$/;

/** Whether the gateway answers this URL at all; everything else is the REST side's. */
export function isGatewayPath(url: string): boolean {
  if (!url.startsWith(prefix)) return false;
  const next = url.charCodeAt(prefix.length);
  return Number.isNaN(next) || next === 47 /* / */ || next === 63; /* ? */
}

export function readEndpoint(request: IncomingMessage, headers: GatewayHeaders): Endpoint {
  const url = request.url!;
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  switch (path) {
    case '/entitlements':
      return origin('plain', headers, 'x-forwarded-method', 'x-forwarded-uri');
    case '/entitlements/nginx':
      return origin('nginx', headers, 'x-original-method', 'x-original-uri');
    case '/entitlements/ingress-nginx':
      return origin('nginx', headers, 'x-original-method', 'x-original-url');
    case '/entitlements/check':
      return { kind: 'check' };
    case '/entitlements/batch':
      return { kind: 'batch' };
    case '/entitlements/ext-authz':
      return {
        kind: 'forward-auth',
        form: 'plain',
        asked: { origin: readOrigin(request.method, '/') },
      };
  }
  const rest = url.slice(prefix.length);
  if (rest.startsWith('/ext-authz/')) {
    const target = rest.slice('/ext-authz'.length);
    return {
      kind: 'forward-auth',
      form: 'plain',
      asked: { origin: readOrigin(request.method, target) },
    };
  }
  const named = featurePath.exec(path.slice(prefix.length));
  if (!named) return { kind: 'unknown' };
  const cost = named[2] === undefined ? 1 : Number(named[2]);
  return { kind: 'forward-auth', form: 'plain', asked: { feature: named[1]!, cost } };
}

function origin(
  form: Form,
  headers: GatewayHeaders,
  methodHeader: string,
  targetHeader: string,
): ForwardAuth {
  const method = headers.get(methodHeader);
  const target = headers.get(targetHeader);
  const isRepeated = method === null || target === null;
  const asked = { origin: isRepeated ? ('ambiguous' as const) : readOrigin(method, target) };
  return { kind: 'forward-auth', form, asked };
}

const bearerKey = /^bearer +(tg_(?:live|test)_.*)$/i;

/** The key being decided: `X-API-Key`, else a bearer that looks like ours; any other Authorization is not for us. */
export function readCredential(headers: GatewayHeaders): Credential {
  const key = headers.get('x-api-key');
  if (key === null) return { kind: 'repeated' };
  if (key) return { kind: 'key', value: key.trim() };
  const authorization = headers.get('authorization');
  if (authorization === null) return { kind: 'repeated' };
  const bearer = authorization ? bearerKey.exec(authorization) : null;
  return bearer ? { kind: 'key', value: bearer[1]!.trim() } : { kind: 'missing' };
}
