// A tiny client for our HTTP interface: one call, and everything that came back. Follows no redirects.

export type ApiAnswer = { status: number; headers: Headers; body: any };
export type ApiCall = {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
};
export type Api = (method: string, path: string, call?: ApiCall) => Promise<ApiAnswer>;

/** The body is parsed where it is JSON, else it is the text. */
export function createApi(baseUrl: string): Api {
  return async (method, path, call = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(call.token ? { authorization: `Bearer ${call.token}` } : {}),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text ? JSON.parse(text) : text,
    };
  };
}
