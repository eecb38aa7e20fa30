// Middleware for Express, Connect and whatever else hands over Node's request and response.
import type { Tollgate } from './client.ts';
import { beginCharge, callOf, credentialOf } from './guard.ts';
import type { Charge, ChargeOptions, GuardOptions } from './guard.ts';
import type { Decision } from './types.ts';

/** What is needed of the request; `tollgate` and `charge` are set on it. */
export type NodeRequest = {
  method?: string | undefined;
  url?: string | undefined;
  originalUrl?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  tollgate?: Decision;
  charge?: Charge;
};
export type NodeResponse = {
  statusCode: number;
  writableFinished: boolean;
  setHeader(name: string, value: string): unknown;
  end(body?: string): unknown;
  once(event: 'finish' | 'close', listener: () => void): unknown;
};
export type NodeMiddleware = (
  request: NodeRequest,
  response: NodeResponse,
  next: (error?: unknown) => void,
) => void;

/** Lets pass what may pass, with `request.tollgate`; answers the rest as the service says. */
export function expressGuard(tollgate: Tollgate, options: GuardOptions = {}): NodeMiddleware {
  return (request, response, next) => {
    tollgate.check(callOf(incoming(request), options)).then((decision) => {
      request.tollgate = decision;
      if (!decision.allowed) return sendDenial(request, response, decision);
      for (const [name, value] of Object.entries(decision.headers)) response.setHeader(name, value);
      next();
    }).catch(next);
  }; // prettier-ignore
}

/** Holds units, runs the handler with `request.charge`, and charges only where the answer is below 400. */
export function expressCharge(tollgate: Tollgate, options: ChargeOptions): NodeMiddleware {
  return (request, response, next) => {
    beginCharge(tollgate, incoming(request), options).then(({ denied, charge, end }) => {
      if (denied) return sendDenial(request, response, denied);
      request.charge = charge;
      // `close` comes after `finish`, and alone where the client went away first.
      response.once('close', () => void end(response.writableFinished && response.statusCode < 400));
      next();
    }).catch(next);
  }; // prettier-ignore
}

function incoming(request: NodeRequest) {
  return {
    method: request.method ?? 'GET',
    uri: request.originalUrl ?? request.url ?? '/',
    ...credentialOf(request.headers),
  };
}

function sendDenial(request: NodeRequest, response: NodeResponse, decision: Decision): void {
  response.statusCode = decision.status;
  for (const [name, value] of Object.entries(decision.headers)) response.setHeader(name, value);
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(decision.problem));
}
