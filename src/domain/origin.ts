// Reads the method and path of the call being decided, so that we and the API behind see the same path.
// Where two readers could differ, it says "ambiguous" instead of guessing. Matches nothing itself.

export type Origin = { method: string; segments: string[] };
export type ReadOrigin = Origin | 'ambiguous' | 'missing';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** Visible ASCII; a space or a comma-joined second value is no URI. */
const uri = /^\/[\x21-\x7e\x80-\xff]*$/;
const plain = /^\/(?:[0-9A-Za-z_~-][0-9A-Za-z._~-]*\/?)*$/;
const pathLengthMax = 8_192;
const segmentsMax = 256;

/**
 * `method` and `target` as a gateway sent them (the target with its query). Half an origin is none.
 * Decodes unreserved escapes once (RFC 3986, 6.2.2.2), collapses `//`, resolves dot segments.
 */
export function readOrigin(method: string | undefined, target: string | undefined): ReadOrigin {
  if (!method || !target) return 'missing';
  if (!token.test(method)) return 'ambiguous';
  const path = readPath(target);
  if (path === null) return 'ambiguous';
  return { method: method.toUpperCase(), segments: path };
}

/** The path's segments, or null where it can be read in two ways. `/a/` is `['a', '']`. */
export function readPath(target: string): string[] | null {
  const query = target.indexOf('?');
  const raw = query < 0 ? target : target.slice(0, query);
  if (raw.length > pathLengthMax) return null;
  if (plain.test(raw)) return split(raw);
  if (!uri.test(raw) || raw.includes('\\') || raw.includes('#')) return null;
  const decoded = decodeUnreserved(raw);
  return decoded === null ? null : resolveDots(decoded);
}

function split(path: string): string[] | null {
  const segments = path.slice(1).split('/');
  return segments.length > segmentsMax ? null : segments;
}

/** Null for a malformed escape, and for an escaped slash, backslash or NUL, which servers read differently. */
function decodeUnreserved(path: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(path) || /%(?:2[fF]|5[cC]|00)/.test(path)) return null;
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[0-9A-Za-z._~-]/.test(character) ? character : escape.toUpperCase();
  });
}

function resolveDots(path: string): string[] | null {
  const given = path.slice(1).split('/');
  if (given.length > segmentsMax) return null;
  const resolved: string[] = [];
  given.forEach((segment, index) => {
    const isLast = index === given.length - 1;
    if (segment === '..') resolved.pop();
    else if (segment !== '.' && segment !== '') resolved.push(segment);
    // `/a/`, `/a/.` and `/a/b/..` all name the folder a, which is not `/a`.
    if (isLast && (segment === '' || segment === '.' || segment === '..')) resolved.push('');
  });
  return resolved.length ? resolved : [''];
}
