// The ids of decisions: sortable like all our ids, but from a counter, since chance for every check would cost more
// than the decision. Unique over processes; says when it was made, and nothing else.
import { randomBytes } from 'node:crypto';

const idAlphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeLength = 10;
const processPart = Array.from(randomBytes(10), (byte) => idAlphabet[byte & 31]).join('');
let decisions = 0;
let decisionsAt = '';
let decisionsMs = 0;

/** `dec_`, 48 bits of machine time, 50 of chance per process, and 30 that count. */
export function nextDecisionId(): string {
  const now = Date.now();
  if (now !== decisionsMs) {
    decisionsMs = now;
    decisionsAt = base32(now, timeLength);
  }
  decisions = (decisions + 1) % 32 ** 6;
  return `dec_${decisionsAt}${processPart}${base32(decisions, 6)}`;
}

/** The machine time at which an id was made, in milliseconds since 1970. */
export function decidedAtMs(id: string): number {
  let time = 0;
  for (const digit of id.slice(4, 4 + timeLength)) time = time * 32 + idAlphabet.indexOf(digit);
  return time;
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) {
    text = idAlphabet[rest % 32]! + text;
  }
  return text;
}
