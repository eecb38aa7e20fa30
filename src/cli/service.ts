// Calls of the service: one request, its end after a bounded time, and what was wrong in words for a person. Follows
// no redirect, repeats nothing by itself, and never shows the token.
import type { Target } from './config.ts';
import { CliError, ProblemError } from './error.ts';

export type Query = Record<string, string | number | boolean | null | undefined>;
export type Request = { body?: unknown; query?: Query; timeoutMs?: number };
export type Page = { data: unknown[]; next_cursor: string | null };

export type Service = ReturnType<typeof createService>;

const timeoutMsDefault = 30_000;
/** What one list may fetch, in as many pages as that takes. */
export const rowsMax = 10_000;
const pageSizeMax = 100;

/** `signal` is Ctrl-C. The target is looked for with the first call. */
export function createService(findTarget: () => Target, signal: AbortSignal) {
  /** The answer's body, null where it has none; throws `ProblemError` where it says no. */
  async function ask(method: string, path: string, request: Request = {}): Promise<unknown> {
    const target = findTarget();
    const timeoutMs = request.timeoutMs ?? timeoutMsDefault;
    try {
      const response = await fetch(target.url + path + queryOf(request.query), {
        method,
        headers: headersOf(target, request),
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const text = await response.text();
      return read(target, response, text);
    } catch (error) {
      if (error instanceof CliError || signal.aborted) throw error;
      throw noAnswer(target, timeoutMs, error);
    }
  }

  /** As many pages as `limit` rows take, in the shape of one. */
  async function list(
    path: string,
    query: Query,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page> {
    const data: unknown[] = [];
    let next: string | null | undefined = cursor;
    do {
      const size = Math.min(limit - data.length, pageSizeMax);
      const answer = await ask('GET', path, { query: { ...query, limit: size, cursor: next } });
      const page = answer as Page;
      data.push(...page.data);
      next = page.next_cursor;
      if (page.data.length === 0) break;
    } while (next && data.length < limit);
    return { data, next_cursor: next };
  }

  return { ask, list, url: () => findTarget().url };
}

function headersOf({ token }: Target, { body }: Request): Record<string, string> {
  return {
    accept: 'application/json',
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

function queryOf(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  return search.size > 0 ? `?${search.toString()}` : '';
}

function read(target: Target, { status, headers }: Response, text: string): unknown {
  if (status === 204) return null;
  const isJson = /[/+]json\b/.test(headers.get('content-type') ?? '');
  const body = isJson ? parse(text) : undefined;
  if (body === undefined) {
    throw new CliError(
      `${target.url} answered ${status} without JSON: that is not Tollgate.`,
      `The address comes from ${target.foundIn}.`,
    );
  }
  if (status >= 400) throw problemOf(target, status, body);
  return body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

type Problem = {
  code?: string;
  title?: string;
  detail?: string;
  instance?: string;
  errors?: { pointer: string; detail: string }[];
};

function problemOf(target: Target, status: number, body: unknown): ProblemError {
  const problem = (typeof body === 'object' ? body : null) as Problem | null;
  const { code = `status ${status}`, title, detail, errors } = problem ?? {};
  const fields = (errors ?? []).map((error) => `  ${fieldOf(error.pointer)}: ${error.detail}`);
  const sentence = fields.length ? (title ?? 'Something is not valid') : (detail ?? title ?? code);
  const message = [`${sentence.replace(/\.$/, '')} (${code}).`, ...fields].join('\n');
  return new ProblemError(code, message, hintOf(target, code, problem), problem ?? {});
}

/** `/limits/0/max` as `limits.0.max`. */
function fieldOf(pointer: string): string {
  const path = pointer.replace(/^\//, '').split('/').join('.');
  return path.replaceAll('~1', '/').replaceAll('~0', '~') || 'the body';
}

function hintOf({ url, foundIn }: Target, code: string, problem: Problem | null): string | null {
  switch (code) {
    case 'unauthorized':
      return foundIn === 'TOLLGATE_URL'
        ? `${url} does not know the token in TOLLGATE_TOKEN: set it to one of its OPERATOR_TOKENS.`
        : `${url} does not know the token in ${foundIn}: restart npm start.`;
    case 'forbidden':
      return 'TOLLGATE_TOKEN must be one of the OPERATOR_TOKENS of the service.';
    case 'internal':
      return `Its logs name the cause under ${problem?.instance ?? 'the request'}.`;
    case 'unavailable':
    case 'stripe_unavailable':
      return 'Try again in a moment.';
    default:
      return null;
  }
}

const causes: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
};

function noAnswer({ url, foundIn }: Target, timeoutMs: number, error: unknown): CliError {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  const why =
    name === 'TimeoutError'
      ? `nothing came within ${timeoutMs / 1000} seconds`
      : (causes[cause?.code ?? ''] ?? cause?.code ?? 'the call failed');
  const isLocal = foundIn !== 'TOLLGATE_URL';
  return new CliError(
    `No answer from ${url}: ${why}.`,
    isLocal ? `${foundIn} names it: is npm start still running?` : 'TOLLGATE_URL names it.',
  );
}
