// Hooks for Fastify: `app.addHook('onRequest', …)`, or a route's own `onRequest`.
import type { Tollgate } from './client.ts';
import { beginCharge, callOf, credentialOf } from './guard.ts';
import type { Charge, ChargeOptions, EndCharge, GuardOptions } from './guard.ts';
import type { Decision } from './types.ts';

export type FastifyLikeRequest = {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
};
export type FastifyLikeReply = {
  statusCode: number;
  code(status: number): FastifyLikeReply;
  headers(values: Record<string, string>): FastifyLikeReply;
  send(body?: unknown): FastifyLikeReply;
  raw: { writableFinished: boolean; once(event: 'close', listener: () => void): unknown };
};
type Guarded = { tollgate?: Decision; charge?: Charge };
export type FastifyHook = (
  request: FastifyLikeRequest,
  reply: FastifyLikeReply,
) => Promise<unknown>;

/** Lets pass what may pass, with `request.tollgate`; answers the rest as the service says. */
export function fastifyGuard(tollgate: Tollgate, options: GuardOptions = {}): FastifyHook {
  return async (request, reply) => {
    const decision = await tollgate.check(callOf(incoming(request), options));
    (request as Guarded).tollgate = decision;
    if (!decision.allowed) return deny(reply, decision);
    reply.headers(decision.headers);
    return undefined;
  };
}

/** Holds units, runs the handler with `request.charge`, and charges only where the answer is below 400. */
export function fastifyCharge(tollgate: Tollgate, options: ChargeOptions): FastifyHook {
  return async (request, reply) => {
    const { denied, charge, end } = await beginCharge(tollgate, incoming(request), options);
    if (denied) return deny(reply, denied);
    (request as Guarded).charge = charge;
    endWith(reply, end);
    return undefined;
  };
}

function endWith(reply: FastifyLikeReply, end: EndCharge): void {
  reply.raw.once('close', () => void end(reply.raw.writableFinished && reply.statusCode < 400));
}

/** As bytes: to a string Fastify adds a charset, which application/problem+json has none of (RFC 9457). */
function deny(reply: FastifyLikeReply, decision: Decision): FastifyLikeReply {
  const bytes = new TextEncoder().encode(JSON.stringify(decision.problem));
  return reply.code(decision.status).headers(decision.headers).send(bytes);
}

function incoming({ method, url, headers }: FastifyLikeRequest) {
  return {
    method,
    uri: url,
    ...credentialOf(headers),
  };
}
