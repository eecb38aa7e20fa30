// Structured logs on stdout, one JSON line each. Secrets have no way in: known fields are redacted, and a
// header or body is never logged whole.
import { pino } from 'pino';

const secretFields = [
  'authorization', 'key', 'api_key', 'token', 'secret', 'password', 'cookie', 'pepper', 'stripe_signature',
  'client_secret', 'checkout_url', 'href',
]; // prettier-ignore

export type Log = ReturnType<typeof createLog>;

export function createLog(options: { level: string; service: string }) {
  return pino({
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        ...secretFields,
        ...secretFields.map((field) => `*.${field}`),
        'headers',
        '*.headers',
        'raw',
        '*.raw',
      ],
      censor: '[redacted]',
    },
    serializers: { err: (error: Error) => describeError(error) },
  });
}

/** What may be known of an error: SDK errors carry headers, raw bodies and request parameters, which stay out. */
function describeError(error: Error & { code?: unknown; type?: unknown; requestId?: unknown }) {
  return {
    type: error.type ?? error.name,
    code: error.code,
    message: error.message,
    stack: error.stack,
    request_id: error.requestId,
  };
}
