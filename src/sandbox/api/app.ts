// The sandbox over HTTP: credentials, bodies, faults and the table of endpoints; the pages and
// controls are mounted beside them. Decides nothing about billing.
import { timingSafeEqual, createHash } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { answer } from './call.ts';
import type { Endpoint } from './endpoint.ts';
import { invalid, renderError, StripeError, unauthorized } from './error.ts';
import { isProblem, parseForm, type Form } from './form.ts';
import { isMeterToken, meterTokenPrefix, streamPath } from '../billing/meter-session.ts';
import { parseJson } from './json.ts';
import { isCli } from './older.ts';
import { fingerprintOf, inFlight } from './replay.ts';
import { faultFor, readFaults, useUp, writeFaults, type ApiFault } from '../control/fault.ts';
import { apiVersion, newId, type World } from '../world.ts';

export type Log = (message: string, more?: Record<string, unknown>) => void;
export type AppParts = {
  world: World;
  secretKey: string;
  endpoints: Endpoint[];
  mount: (app: Express) => void;
  committed: () => void;
  log: Log;
};

const bodyLimit = '1mb';

export const createApp = (parts: AppParts): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(nameRequest);
  app.use(express.raw({ type: () => true, limit: bodyLimit }));
  app.use(['/v1', '/v2', '/_sandbox'], authenticate(parts));
  const busy = new Set<string>();
  for (const endpoint of parts.endpoints) {
    const method = endpoint.method.toLowerCase() as 'get' | 'post' | 'delete';
    app[method](endpoint.path, handle(parts, endpoint, busy));
  }
  parts.mount(app);
  app.use(unknownUrl(parts));
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    sendError(parts.world, response, asStripeError(error, request, parts.log));
  });
  return app;
};

const nameRequest = (_request: Request, response: Response, next: NextFunction): void => {
  response.locals['requestId'] = newId('req', 14);
  response.set('Request-Id', requestIdOf(response));
  response.set('Stripe-Version', apiVersion);
  next();
};

const requestIdOf = (response: Response): string => response.locals['requestId'] as string;

const authenticate = ({ world, secretKey }: AppParts) => {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  const wanted = digest(secretKey);
  return (request: Request, _response: Response, next: NextFunction): void => {
    const given = keyOf(request.headers.authorization);
    if (given === null) {
      throw unauthorized(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
      );
    }
    if (request.originalUrl === streamPath && isMeterToken(world, given)) {
      next();
      return;
    }
    if (request.originalUrl === streamPath && given.startsWith(meterTokenPrefix)) {
      throw new StripeError(400, {
        type: 'temporary_session_expired',
        code: 'billing_meter_event_session_expired',
        message: 'The meter event session has expired. Create a new one to go on.',
      });
    }
    if (!timingSafeEqual(digest(given), wanted)) {
      throw unauthorized(`Invalid API Key provided: ${given.slice(0, 8)}${'*'.repeat(8)}`);
    }
    next();
  };
};

const keyOf = (header: string | undefined): string | null => {
  const bearer = /^Bearer (\S+)$/i.exec(header ?? '');
  if (bearer !== null) return bearer[1]!;
  const basic = /^Basic (\S+)$/i.exec(header ?? '');
  return basic === null
    ? null
    : (Buffer.from(basic[1]!, 'base64').toString().split(':')[0] ?? null);
};

const handle =
  (parts: AppParts, endpoint: Endpoint, busy: Set<string>) =>
  async (request: Request, response: Response): Promise<void> => {
    const { world } = parts;
    const form = formOf(request);
    const key = endpoint.method === 'GET' ? null : (request.get('idempotency-key') ?? null);
    if (key !== null && busy.has(key)) throw inFlight(key);
    if (key !== null) busy.add(key);
    try {
      const fault = takeFault(world, request);
      if (fault !== null && (await breakBefore(world, fault, response))) return;
      const done = answer(
        world,
        {
          endpoint,
          ids: request.params as Record<string, string>,
          form,
          requestId: requestIdOf(response),
          idempotencyKey: key,
          fromCli: isCli(request.get('user-agent')),
          fingerprint: fingerprintOf(request.method, request.path, JSON.stringify(form)),
        },
        (error) =>
          parts.log('a request failed', {
            error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
      );
      parts.committed();
      if (fault?.reset === 'after') {
        response.socket?.destroy();
        return;
      }
      if (key !== null) response.set('Idempotency-Key', key);
      if (done.replayed) response.set('Idempotent-Replayed', 'true');
      response.status(done.status).json(fault?.body ?? done.body);
    } finally {
      if (key !== null) busy.delete(key);
    }
  };

const takeFault = (world: World, request: Request): ApiFault | null => {
  const faults = readFaults(world);
  const fault = faultFor(faults, request.method, request.path);
  if (fault?.times !== undefined)
    world.store.transaction(() => writeFaults(world, useUp(faults, fault)));
  return fault;
};

/** Acts out what the fault does before the deed; true when nothing else will be answered. */
const breakBefore = async (world: World, fault: ApiFault, response: Response): Promise<boolean> => {
  const { hang_ms: hang } = fault;
  if (hang !== undefined) await new Promise((resolve) => setTimeout(resolve, hang).unref());
  if (fault.reset === 'before') {
    response.socket?.destroy();
    return true;
  }
  if (fault.status === undefined) return false;
  response.status(fault.status).json(fault.body ?? bodyOf(world, fault.status, response));
  return true;
};

/** What a failure that was asked for says where nobody said what. */
const bodyOf = (world: World, status: number, response: Response): object => {
  const type = status < 500 ? 'invalid_request_error' : 'api_error';
  const message = 'This failure was asked for at /_sandbox/faults.';
  const error = new StripeError(status, { type, message });
  return renderError(error, aboutOf(world, response));
};

const aboutOf = ({ publicUrl }: World, response: Response) => ({
  publicUrl,
  requestId: requestIdOf(response),
  path: response.req.path,
});

const unreadable = (message: string): StripeError =>
  new StripeError(400, { type: 'invalid_request_error', message }, { executed: false });

const formOf = (request: Request): Form => {
  const query = request.originalUrl.split('?')[1] ?? '';
  const body = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  if (request.path.startsWith('/v2/')) {
    const form = parseJson(body);
    if (isProblem(form)) throw unreadable(form.problem);
    return form;
  }
  if (body !== '' && /json/i.test(request.headers['content-type'] ?? '')) {
    throw invalid(
      'Invalid request: the v1 API takes application/x-www-form-urlencoded bodies, not JSON.',
    );
  }
  const form = parseForm(body === '' ? query : query === '' ? body : `${query}&${body}`);
  if (isProblem(form)) throw invalid(form.problem);
  return form;
};

/** What Stripe has and the sandbox has not is an error the SDK understands, and is remembered. */
const unknownUrl = (parts: AppParts) => (request: Request, response: Response) => {
  const { method, path } = request;
  if (path.startsWith('/v1/') || path.startsWith('/v2/')) remember(parts.world, method, path);
  throw new StripeError(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${path}). The sandbox does not have this endpoint, or there is none; see /_sandbox/unknown. (Request-Id: ${requestIdOf(response)})`,
  });
};

const rememberedMax = 500;

const remember = (world: World, method: string, path: string): void => {
  const known = path.slice(0, 300).replace(/\/[a-z]+_[A-Za-z0-9_]{8,}/g, '/*');
  const id = `${method} ${known}`;
  const kept = world.store.get('unknown_call', id);
  if (kept === undefined && world.store.size('unknown_call') >= rememberedMax) return;
  world.store.transaction(() =>
    world.store.put('unknown_call', {
      id,
      object: 'unknown_call',
      method,
      path: known,
      count: (kept?.count ?? 0) + 1,
    }),
  );
};

const asStripeError = (error: unknown, request: Request, log: Log): StripeError => {
  if (error instanceof StripeError) return error;
  const status = (error as { status?: unknown }).status;
  if (status === 413)
    return new StripeError(413, {
      type: 'invalid_request_error',
      message: 'Request body is too large.',
    });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new StripeError(status, {
      type: 'invalid_request_error',
      message: 'The request could not be read.',
    });
  }
  log('a request failed', {
    path: request.path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new StripeError(400, {
    type: 'api_error',
    message: 'The sandbox could not handle this request; its log says why.',
  });
};

const sendError = (world: World, response: Response, error: StripeError): void => {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.status(error.status).json(renderError(error, aboutOf(world, response)));
};
