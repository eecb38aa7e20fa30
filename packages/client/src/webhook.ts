// Verifies Tollgate's outbound webhooks, which follow the Standard Webhooks specification
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), with the platform's
// own cryptography. Reads the raw body: a body that was parsed and written again has another signature.

export type WebhookHeaders = { get(name: string): string | null } | Record<string, string | string[] | undefined>; // prettier-ignore
export type WebhookEvent = {
  /** The same for each delivery of one event: what you have seen before may be left alone. */
  id: string;
  type: string;
  timestamp: string;
  data: unknown;
};

/** Not from Tollgate, or not now: answer 400 and do nothing. */
export class WebhookSignatureError extends Error {}

const prefix = 'whsec_';

/**
 * The event, or `WebhookSignatureError`. Several secrets may be valid while one is being replaced. A message older or
 * newer than `toleranceSeconds` (300) is refused, so that one that was overheard cannot be played again later.
 */
export async function verifyWebhook(
  body: string,
  headers: WebhookHeaders,
  options: { secret: string | string[]; toleranceSeconds?: number; now?: Date },
): Promise<WebhookEvent> {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature');
  const at = Number(timestamp);
  const { toleranceSeconds = 300, now = new Date() } = options;
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now.getTime() / 1000 - at) > toleranceSeconds) {
    throw new WebhookSignatureError('the timestamp is not of now');
  }
  const secrets = Array.isArray(options.secret) ? options.secret : [options.secret];
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  if (!(await isSigned(content, signatures, secrets))) {
    throw new WebhookSignatureError('no signature fits');
  }
  const event = JSON.parse(body) as Omit<WebhookEvent, 'id'>;
  return { ...event, id };
}

/** `verify` compares in constant time. */
async function isSigned(
  content: Uint8Array<ArrayBuffer>,
  signatures: string,
  secrets: string[],
): Promise<boolean> {
  const given = signatures
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .flatMap((signature) => bytesOf(signature.slice(3)) ?? []);
  for (const secret of secrets) {
    const raw = bytesOf(secret.startsWith(prefix) ? secret.slice(prefix.length) : secret);
    if (!raw) throw new TypeError('secret: must be whsec_… as the service showed it');
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', raw, algorithm, false, ['verify']);
    for (const signature of given) {
      if (await crypto.subtle.verify('HMAC', key, signature, content)) return true;
    }
  }
  return false;
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : headers[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WebhookSignatureError(`the header ${name} is missing`);
}

function isHeaders(headers: WebhookHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}

/** Null where it is no base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
