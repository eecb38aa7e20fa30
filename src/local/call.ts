// One HTTP call to a local service and all that came back. Follows no redirects, retries nothing.

export type Call = {
  method: string;
  url: string;
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
};
export type Answer = { status: number; headers: Headers; text: string; body: unknown };

/** Nobody was there, or said nothing in time. */
export class NoAnswerError extends Error {}

const timeoutMs = 30_000;

/** `body` is parsed where the answer says that it is JSON, else it is the text. */
export async function call(request: Call): Promise<Answer> {
  const hasBody = request.body !== undefined;
  const response = await fetch(request.url, {
    method: request.method,
    redirect: 'manual',
    headers: {
      ...(request.token ? { authorization: `Bearer ${request.token}` } : {}),
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
      ...request.headers,
    },
    ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new NoAnswerError(`${request.method} ${request.url} gets no answer`, { cause: error });
  });
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text ? (JSON.parse(text) as unknown) : text,
  };
}
