// What nginx's own variables cannot say: the credential, a second copy of it included, and the cache key.
// Runs inside nginx (njs); calls nothing and keeps nothing.
import crypto from 'crypto';

const ours = /^bearer +tg_(live|test)_/i;
const keptForMs = 60000;

/** Every copy the client sent: two keys must not look like one. */
function all(r, name) {
  return r.rawHeadersIn
    .filter((header) => header[0].toLowerCase() === name)
    .map((header) => header[1])
    .join(', ');
}

function key(r) {
  return all(r, 'x-api-key');
}

/** The Authorization header where it holds a key of Tollgate's; any other belongs to the API behind. */
function bearer(r) {
  const authorization = all(r, 'authorization');
  return ours.test(authorization) ? authorization : '';
}

/**
 * Credential, method and path: with any of them left out, one call's answer would open another. The minute is in
 * it so that no answer is used for longer than that, not even while Tollgate is away.
 */
function cacheKey(r) {
  const credential = crypto
    .createHash('sha256')
    .update(`${key(r)}\n${bearer(r)}`)
    .digest('hex');
  const path = r.variables.request_uri.split('?')[0];
  const minute = Math.floor(Date.now() / keptForMs);
  return [credential, r.variables.request_method, path, minute].join('|');
}

export default { key, bearer, cacheKey };
