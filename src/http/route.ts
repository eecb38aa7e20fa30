// What a route is: data. The same entry mounts it, guards it, validates it and describes it in OpenAPI,
// so the document cannot say something else than the code does. Never decides anything itself.
import type { z } from 'zod';
import type { Caller } from '../actions/caller.ts';
import type { Context } from '../context.ts';
import type { DenialCode } from '../domain/denial.ts';
import type { ErrorCode } from '../domain/error.ts';

export type Who = 'operator' | 'customer' | 'gateway' | 'anyone';

export type RouteAnswer = {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
};

/** What a handler gets: already parsed, already allowed. */
export type RouteRequest<Params, Query, Body> = {
  ctx: Context;
  caller: Caller;
  params: Params;
  query: Query;
  body: Body;
};

export type Route<Params = unknown, Query = unknown, Body = unknown> = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Express 5 form: `/plans/:key`. */
  path: string;
  /** Groups the operation in the documentation: the noun. */
  tag: string;
  summary: string;
  /** Who may call; others get 401 (no credential) or 403 (the wrong kind). */
  who: Who[];
  params?: z.ZodType<Params>;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** The usual success, and the shape of its body (absent: no body). */
  status: number;
  answer?: z.ZodType;
  /** Further statuses worth documenting, by contract code. */
  errors?: ErrorCode[];
  /** It may answer as the check denies, with these codes. */
  denials?: DenialCode[];
  /** The answer holds a secret shown once: never logged; a stored idempotent copy is sealed like all are. */
  secret?: boolean;
  /** False where the check decides from nothing that this changes: then nobody waits until it has heard. */
  changesFacts?: boolean;
  handle: (request: RouteRequest<Params, Query, Body>) => Promise<RouteAnswer>;
};

/** What the documentation needs of a route; the gateway's, which Express does not mount, are only this. */
export type Operation = Omit<Route, 'handle'>;

/** Keeps the types of params, query and body together; at run time it is the identity. */
export function route<Params = unknown, Query = unknown, Body = unknown>(
  definition: Route<Params, Query, Body>,
): Route {
  return definition as unknown as Route;
}
