// The client: one object with everything in it, made once per process. Opens nothing until it is used.
import { createCheck } from './check.ts';
import type { Check } from './check.ts';
import { createHttp } from './http.ts';
import { createUsage } from './usage.ts';
import type { Usage } from './usage.ts';

export type TollgateOptions = {
  /** Where the service is, such as `http://tollgate:3402`. */
  url: string;
  /** A gateway token, `tgg_…`. Keep it on the server. */
  token: string;
  /** How long one check may take before nobody could tell. Default 200 ms. */
  timeoutMs?: number;
  /** What happens to a call then: `closed` (503, the default) or `open`. */
  whenDown?: 'closed' | 'open';
  /** How many decisions are kept; 0 keeps none. Default 10,000. Only what the service says holds for a while is kept. */
  cacheMax?: number;
  /** How long an allow that is over its time is still used while a newer one is asked for. Default 0 ms. */
  staleMs?: number;
  /** How long an allow that is over its time is used where nobody answers. Default 60,000 ms. */
  maxStaleMs?: number;
  /** After so many failures in a row nobody waits any longer. Default 5. */
  breakerFailures?: number;
  /** How long, before one call tries again. Default 1,000 ms. */
  breakerCoolDownMs?: number;
  /** How long telling usage, reserving and settling may take. Default 5,000 ms. */
  writeTimeoutMs?: number;
  /** Hears of each failure to get an answer, or to end a charge. Gets no key. */
  onError?: (error: unknown) => void;
  /** Default: the platform's. */
  fetch?: typeof globalThis.fetch;
};

export type Tollgate = { check: Check; onError: (error: unknown) => void } & Usage;

/** Throws where the address or the token cannot be one. */
export function createTollgate(options: TollgateOptions): Tollgate {
  if (!URL.canParse(options.url))
    throw new TypeError('url: must be a URL such as http://tollgate:3402');
  if (!options.token.startsWith('tgg_'))
    throw new TypeError('token: must be a gateway token, tgg_…');
  const http = createHttp({
    url: options.url,
    token: options.token,
    timeoutMs: options.timeoutMs ?? 200,
    // Called as the platform's own: some refuse to be called as somebody's method.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
  });
  const { onError = () => undefined, writeTimeoutMs = 5_000 } = options;
  const check = createCheck(http, {
    whenDown: options.whenDown ?? 'closed',
    cacheMax: options.cacheMax ?? 10_000,
    staleMs: options.staleMs ?? 0,
    maxStaleMs: options.maxStaleMs ?? 60_000,
    breakerFailures: options.breakerFailures ?? 5,
    breakerCoolDownMs: options.breakerCoolDownMs ?? 1_000,
    onError,
  });
  return { check, onError, ...createUsage(http, { writeTimeoutMs, onError }) };
}
