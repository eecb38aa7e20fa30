// Makes the ids of our rows: a noun's prefix, then 48 bits of time and 80 random ones, so that they sort by
// birth. Never secret: knowing an id grants nothing.
import { randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

export type IdPrefix =
  | 'cus' | 'plan' | 'pv' | 'rp' | 'key' | 'ses' | 'sub' | 'pur' | 'inv' | 'dec' | 'aud' | 'req' | 'lease' | 'res' | 'rec' | 'evt' | 'ntc' | 'we' | 'del' | 'dun' | 'step' | 'pat' | 'rn' | 'ovp' | 'ovi' | 'ovc' | 'ovr'; // prettier-ignore

/** `prefix_` and 26 characters of Crockford's base 32 in lower case. */
export function newId(prefix: IdPrefix): string {
  let time = Date.now();
  let head = '';
  for (let i = 0; i < 10; i += 1) {
    head = alphabet.charAt(time % 32) + head;
    time = Math.floor(time / 32);
  }
  let tail = '';
  for (const byte of randomBytes(16)) tail += alphabet.charAt(byte & 31);
  return `${prefix}_${head}${tail}`;
}
