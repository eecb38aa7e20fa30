// The form of an API key: prefix, 30 characters of chance, a checksum that tells a typo from a key without
// a look-up. Knows nothing of hashes or rows.
import type { WindowKind } from './plan.ts';

export type KeyMode = 'live' | 'test';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const form = /^tg_(?:live|test)_[0-9A-Za-z]{36}$/;
const bodyStart = 8;

/** `tg_live_` or `tg_test_`, the 30 characters given, and their CRC-32 as six digits of base 62. */
export function makeKey(mode: KeyMode, random30: string): string {
  return `tg_${mode}_${random30}${checksum(random30)}`;
}

/** Whether this could be a key at all: form and checksum. Says nothing about whether it exists. */
export function isWellFormedKey(key: string): boolean {
  return form.test(key) && checksum(key.slice(bodyStart, bodyStart + 30)) === key.slice(-6);
}

/** What may be shown of a key after its birth. */
export function describeKey(key: string): { prefix: string; last4: string } {
  return { prefix: key.slice(0, bodyStart), last4: key.slice(-4) };
}

/** For what is kept of a path: somebody may have put a key there. */
export function hideKeys(text: string): string {
  return text.replace(/tg_(live|test)_[0-9A-Za-z]*/g, 'tg_$1_...');
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < 6; i += 1) {
    digits = alphabet[rest % 62]! + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** CRC-32 as in IEEE 802.3 (reflected, polynomial 0xEDB88320) of an ASCII text. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i += 1) {
    crc = crcTable[(crc ^ text.charCodeAt(i)) & 0xff]! ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** At most `max` units in a window through one key, of a feature or of a pool. */
export type KeyCap = { feature: string; window: WindowKind; max: number };

export type Scope = string;

/** What a key may be used for: `call` is every feature, `call:x` the feature x alone, `manage` the REST side. */
export function mayCall(scopes: Scope[], feature: string | null, anyCall: boolean): boolean {
  if (scopes.includes('call')) return true;
  if (feature !== null) return scopes.includes(`call:${feature}`);
  return anyCall && scopes.some((scope) => scope.startsWith('call:'));
}
