// Turns whatever was thrown into problem+json (RFC 9457). An error that is not ours is logged in full and
// leaves as "internal": its text, type and stack never do.
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Answer } from '../actions/idempotency.ts';
import { isDatabaseAway } from '../adapters/postgres-failure.ts';
import { stripeFailure } from '../adapters/stripe-error.ts';
import type { Context } from '../context.ts';
import { AppError, notFound } from '../domain/error.ts';
import { problemTexts } from './pages/problem-texts.ts';

const retryAfterSeconds = '2';

/** Where a request's id lives between middleware. */
export type RequestLocals = { requestId: string };

/** The error as the caller will see it; logs what is nobody's fault but ours. */
export function toAppError(ctx: Context, error: unknown, requestId: string): AppError {
  if (error instanceof AppError) return error;
  const known = fromHttp(error) ?? fromStripe(error) ?? fromDatabase(error);
  if (known) {
    if (known.status >= 500) ctx.log.warn({ err: error, request_id: requestId }, known.code);
    return known;
  }
  ctx.log.error({ err: error, request_id: requestId }, 'unexpected error');
  return new AppError(
    'internal',
    'Something failed on our side. The instance names it in our logs.',
  );
}

/** An error as an answer: status, headers, and a body ready to send. */
export function problemAnswer(ctx: Context, error: unknown, requestId: string): Answer {
  const { code, status, message, extra } = toAppError(ctx, error, requestId);
  const { headers = {}, ...members } = extra as { headers?: Record<string, string> };
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json; charset=utf-8',
      ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
      ...(status === 503 || status === 429 ? { 'Retry-After': retryAfterSeconds } : {}),
      ...headers,
    },
    body: JSON.stringify({
      type: `${ctx.config.publicUrl}/problems/${code}`,
      title: problemTexts[code].title,
      status,
      detail: message,
      instance: `urn:tollgate:request:${requestId}`,
      code,
      ...members,
    }),
  };
}

/** Sends an answer as it is. */
export function send(res: Response, answer: Answer): void {
  res.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
  if (answer.body === null) res.end();
  else {
    res.setHeader('Content-Length', Buffer.byteLength(answer.body));
    res.end(answer.body);
  }
}

/** Express's last resort. */
export function errorHandler(ctx: Context): ErrorRequestHandler {
  return (error: unknown, _req: Request, res: Response, next) => {
    // Half an answer cannot be taken back: Express then closes the connection.
    if (res.headersSent) next(error);
    else send(res, problemAnswer(ctx, error, (res.locals as RequestLocals).requestId));
  };
}

/** What Express and its body parsers throw: errors with a status that may be shown (http-errors' `expose`). */
function fromHttp(error: unknown): AppError | null {
  if (!(error instanceof Error)) return null;
  // A path such as /plans/%E0%A4%A: no such resource can exist.
  if (error instanceof URIError || /^Failed to decode param/.test(error.message)) return notFound();
  const { expose, status } = error as { expose?: unknown; status?: unknown };
  if (expose !== true) return null;
  if (status === 413) return new AppError('body_too_large', 'The body is larger than 1 MiB.');
  if (status === 415) {
    return new AppError('unsupported_media_type', 'The body must be plain UTF-8, not compressed.');
  }
  return status === 400
    ? new AppError('invalid_json', 'The body could not be read to its end.')
    : null;
}

/** Whatever an action did not translate itself. */
function fromStripe(error: unknown): AppError | null {
  const translated = stripeFailure(error);
  return translated instanceof AppError ? translated : null;
}

function fromDatabase(error: unknown): AppError | null {
  return isDatabaseAway(error)
    ? new AppError('unavailable', 'The database cannot be reached. Try again.')
    : null;
}
