// Makes Express routes of the Route tables, all in one way: caller, input, idempotency, handle, answer.
// A path that exists answers 405 with `Allow` to any other method. Knows no noun.
import type { Express, Request, RequestHandler } from 'express';
import { hashOf, withIdempotency } from '../actions/idempotency.ts';
import type { Answer } from '../actions/idempotency.ts';
import type { Caller } from '../actions/caller.ts';
import type { Context } from '../context.ts';
import { AppError, invalid } from '../domain/error.ts';
import { authenticate } from './auth.ts';
import { readJsonBody } from './body.ts';
import { problemAnswer, send } from './errors.ts';
import type { RequestLocals } from './errors.ts';
import type { Route, RouteAnswer } from './route.ts';
import { parseBody, parseParams, parseQuery } from './validate.ts';

const idempotencyKeyLengthMax = 255;

export function mountRoutes(app: Express, ctx: Context, routes: Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const entry = app.route(path);
    for (const route of here) entry[lower(route.method)](serve(ctx, route));
    entry.all(refuseMethod(here.map((route) => route.method)));
  }
}

/** 405 naming the methods that are there; GET brings HEAD along. */
export function refuseMethod(methods: string[]): RequestHandler {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const Allow = allowed.join(', ');
  return () => {
    throw new AppError('method_not_allowed', `This path takes ${Allow}.`, { headers: { Allow } });
  };
}

function serve(ctx: Context, route: Route): RequestHandler {
  return async (req, res) => {
    const caller = await authenticate(ctx, route.who, req);
    const params = parseParams(route.params, req);
    const query = parseQuery(route.query, req);
    const sent = takesBody(route) ? await readJsonBody(req, res) : undefined;
    const body = parseBody(route.body, sent);
    const run = async () => {
      const answer = await route.handle({ ctx, caller, params, query, body });
      // Who has our answer may ask the check next: it must have heard of the change by then.
      if (route.method !== 'GET' && route.changesFacts !== false) await ctx.notify.settled();
      return toAnswer(route, answer);
    };
    const key = route.method === 'POST' ? idempotencyKey(req) : undefined;
    if (key === undefined) {
      send(res, conditional(req, await run()));
      return;
    }
    const { requestId } = res.locals as RequestLocals;
    const scope = [...identityOf(caller), req.method, req.path];
    // A 4xx is kept too, so it must be an answer before it is stored.
    const runToAnswer = () => run().catch((error: unknown) => problemAnswer(ctx, error, requestId));
    send(
      res,
      await withIdempotency(ctx, { scope, key, requestHash: hashOf(sent ?? {}) }, runToAnswer),
    );
  };
}

/** A customer's sessions and keys are one caller: a retry may come under a fresh session. */
function identityOf(caller: Caller): string[] {
  return [caller.kind, caller.kind === 'customer' ? caller.customerId : caller.id];
}

function idempotencyKey(req: Request): string | undefined {
  const given = req.headersDistinct['idempotency-key'];
  if (!given) return undefined;
  const [key = ''] = given;
  if (given.length === 1 && key.length > 0 && key.length <= idempotencyKeyLengthMax) return key;
  throw invalid({
    pointer: '/Idempotency-Key',
    detail: `must be one header of 1 to ${idempotencyKeyLengthMax} characters`,
  });
}

function toAnswer(route: Route, { status = route.status, body, headers }: RouteAnswer): Answer {
  if (body === undefined) return { status, headers: { ...headers }, body: null };
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/** RFC 9110, 13.1.2: whoever has this very answer already gets 304. */
function conditional(req: Request, answer: Answer): Answer {
  const { ETag } = answer.headers;
  const known = req.headers['if-none-match'];
  if (!ETag || !known || req.method !== 'GET' || answer.status !== 200) return answer;
  const plain = (tag: string) => tag.trim().replace(/^W\//, '');
  const matches = known === '*' || known.split(',').some((tag) => plain(tag) === plain(ETag));
  if (!matches) return answer;
  const headers = { ...answer.headers };
  delete headers['Content-Type'];
  return { status: 304, headers, body: null };
}

function takesBody(route: Route): boolean {
  return route.body !== undefined || (route.method !== 'GET' && route.method !== 'DELETE');
}

function lower(method: Route['method']) {
  return method.toLowerCase() as Lowercase<Route['method']>;
}
