// Makes, hashes, compares and seals secrets. Holds none, logs none.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` characters of base62 from the system's CSPRNG, each equally likely. */
export function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 = 4 × 62: what lies above would favour the first characters.
      if (byte < 248 && text.length < length) text += base62.charAt(byte % 62);
    }
  }
  return text;
}

/** A token such as `tgs_…` with some 190 bits of chance. */
export function newToken(prefix: 'tgs_' | 'tgo_' | 'tgg_'): string {
  return prefix + randomBase62(32);
}

/** HMAC-SHA-256(pepper, SHA-256(secret)): useless to whoever has the database alone. */
export function hashSecret(pepper: string, secret: string): Buffer {
  return createHmac('sha256', pepper).update(createHash('sha256').update(secret).digest()).digest();
}

/** Constant-time comparison of two secrets of any length. */
export function isSameSecret(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** A 32-byte key for one purpose, derived from the pepper (RFC 5869) and, where given, a further secret. */
export function deriveKey(pepper: string, purpose: string, further = ''): Buffer {
  return Buffer.from(hkdfSync('sha256', pepper + further, '', `tollgate ${purpose}`, 32));
}

/** AES-256-GCM: 12 bytes of nonce, 16 of tag, then the text. */
export function seal(key: Buffer, text: string | Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** The sealed text, or null where key or bytes are not the right ones. */
export function open(key: Buffer, sealed: Buffer): Buffer | null {
  if (sealed.length < 28) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
  decipher.setAuthTag(sealed.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  } catch {
    return null;
  }
}
