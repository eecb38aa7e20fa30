// One request to the service, with an end to the waiting. Knows paths and the gateway token, nothing of decisions.

export type Http = (
  method: string,
  path: string,
  options?: { headers?: Record<string, string>; body?: unknown; timeoutMs?: number },
) => Promise<Response>;

/** Throws where no answer came in time: nothing is known then of what the service did. */
export function createHttp(options: {
  url: string;
  token: string;
  timeoutMs: number;
  fetch: typeof globalThis.fetch;
}): Http {
  const { token, fetch } = options;
  const base = options.url.replace(/\/+$/, '');
  return (method, path, { headers = {}, body, timeoutMs = options.timeoutMs } = {}) =>
    fetch(`${base}${path}`, {
      method,
      headers: {
        'x-gateway-token': token,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
}
