// What every answer of the REST side carries, and one log line per request. Header values and bodies are
// never logged; the path only as its pattern, since ids and tokens travel in paths.
import { performance } from 'node:perf_hooks';
import type { RequestHandler } from 'express';
import { newId } from '../adapters/id.ts';
import { httpSeconds } from '../adapters/metrics.ts';
import type { Context } from '../context.ts';
import type { RequestLocals } from './errors.ts';

/** An id of our own making: one from outside would let a client write our logs. */
export const identifyRequest: RequestHandler = (_req, res, next) => {
  const requestId = newId('req');
  (res.locals as RequestLocals).requestId = requestId;
  res.setHeader('X-Request-Id', requestId);
  next();
};

/** OWASP's HTTP headers cheat sheet, for answers no browser should run, frame or keep. */
export function securityHeaders(ctx: Context): RequestHandler {
  const headers = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(ctx.config.publicUrl.startsWith('https:')
      ? { 'Strict-Transport-Security': 'max-age=31536000' }
      : {}),
  };
  return (_req, res, next) => {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    next();
  };
}

export function accessLog(ctx: Context): RequestHandler {
  return (req, res, next) => {
    const startedMs = performance.now();
    res.on('finish', () => {
      const seconds = (performance.now() - startedMs) / 1000;
      const route = (req.route as { path?: string } | undefined)?.path ?? 'unmatched';
      httpSeconds.observe({ method: req.method, route, status: res.statusCode }, seconds);
      ctx.log.info(
        {
          request_id: (res.locals as RequestLocals).requestId,
          method: req.method,
          route,
          status: res.statusCode,
          ms: Math.round(seconds * 1000),
        },
        'request',
      );
    });
    next();
  };
}
