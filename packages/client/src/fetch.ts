// For servers that take a Request and give a Response: Workers, Deno, Bun, Next's handlers, and Hono.
import type { Tollgate } from './client.ts';
import { beginCharge, callOf } from './guard.ts';
import type { Charge, ChargeOptions, GuardOptions } from './guard.ts';
import type { Decision } from './types.ts';

/** A handler that is told of the decision, or of the charge, after the request. */
export type FetchHandler<Told, Rest extends unknown[]> = (
  request: Request,
  told: Told,
  ...rest: Rest
) => Response | Promise<Response>;

/** Runs the handler for what may pass; answers the rest as the service says. */
export function fetchGuard<Rest extends unknown[]>(
  tollgate: Tollgate,
  handler: FetchHandler<Decision, Rest>,
  options: GuardOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const decision = await tollgate.check(callOf(incoming(request), options));
    if (!decision.allowed) return denial(request, decision);
    return withHeaders(await handler(request, decision, ...rest), decision.headers);
  };
}

/** Holds units, runs the handler, and charges only where it answers below 400. */
export function fetchCharge<Rest extends unknown[]>(
  tollgate: Tollgate,
  handler: FetchHandler<Charge, Rest>,
  options: ChargeOptions,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const { denied, charge, end } = await beginCharge(tollgate, incoming(request), options);
    if (denied) return denial(request, denied);
    try {
      const response = await handler(request, charge, ...rest);
      await end(response.status < 400);
      return response;
    } catch (error) {
      await end(false);
      throw error;
    }
  };
}

/** What is needed of Hono's context. */
export type HonoLikeContext = {
  req: { raw: Request };
  res: Response;
  set(name: 'tollgate' | 'charge', value: unknown): void;
  header(name: string, value: string): void;
};
export type HonoMiddleware = (
  context: HonoLikeContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/** Lets pass what may pass, with `c.get('tollgate')`; answers the rest as the service says. */
export function honoGuard(tollgate: Tollgate, options: GuardOptions = {}): HonoMiddleware {
  return async (context, next) => {
    const decision = await tollgate.check(callOf(incoming(context.req.raw), options));
    if (!decision.allowed) return denial(context.req.raw, decision);
    context.set('tollgate', decision);
    for (const [name, value] of Object.entries(decision.headers)) context.header(name, value);
    await next();
    return undefined;
  };
}

/** Holds units, runs the handler with `c.get('charge')`, and charges only where it answers below 400. */
export function honoCharge(tollgate: Tollgate, options: ChargeOptions): HonoMiddleware {
  return async (context, next) => {
    const { denied, charge, end } = await beginCharge(tollgate, incoming(context.req.raw), options);
    if (denied) return denial(context.req.raw, denied);
    context.set('charge', charge);
    try {
      await next();
    } catch (error) {
      await end(false);
      throw error;
    }
    await end(context.res.status < 400);
    return undefined;
  };
}

function incoming(request: Request) {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    uri: pathname + search,
    apiKey: request.headers.get('x-api-key'),
    authorization: request.headers.get('authorization'),
  };
}

function denial(request: Request, { status, headers, problem }: Decision): Response {
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(problem), {
    status,
    headers,
  });
}

/** A new one: those of `fetch` and of redirects cannot be changed. */
function withHeaders(response: Response, added: Record<string, string>): Response {
  if (Object.keys(added).length === 0) return response;
  const changed = new Response(response.body, response);
  for (const [name, value] of Object.entries(added)) changed.headers.set(name, value);
  return changed;
}
