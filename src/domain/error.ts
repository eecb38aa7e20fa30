// The closed list of what can go wrong, with the status each leaves as. A denial of the check is not an
// error: those are data (entitlement.ts). Nothing here knows HTTP beyond the number.

export const errorStatus = {
  invalid_json: 400,
  invalid_signature: 400,
  invalid_event: 400,
  unauthorized: 401,
  gateway_unauthorized: 401,
  payment_failed: 402,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  subscription_exists: 409,
  plan_exists: 409,
  plan_in_use: 409,
  route_conflict: 409,
  customer_conflict: 409,
  stripe_customer_conflict: 409,
  purchase_in_flight: 409,
  invalid_state: 409,
  access_loss: 409,
  configuration_changed: 409,
  idempotency_in_flight: 409,
  clock_backwards: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  idempotency_mismatch: 422,
  currency_mismatch: 422,
  too_many_requests: 429,
  internal: 500,
  stripe_unavailable: 503,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;
export type FieldError = { pointer: string; detail: string };

/** Thrown anywhere, answered as problem+json. `detail` is shown to the caller: no secrets, no internals. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly extra: Record<string, unknown>;

  constructor(code: ErrorCode, detail: string, extra: Record<string, unknown> = {}) {
    super(detail);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return errorStatus[this.code];
  }
}

/** One or more fields that are wrong; `pointer` is a JSON pointer (RFC 6901) into the body, or the query's name. */
export function invalid(...errors: FieldError[]): AppError {
  const detail = errors.map((error) => `${error.pointer}: ${error.detail}`).join('; ');
  return new AppError('validation_failed', detail, { errors });
}

/** The same fault of a part, told of the whole that holds it at `prefix`; any other error is left as it is. */
export function within(prefix: string, error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'validation_failed') return error;
  const errors = error.extra['errors'] as FieldError[];
  return invalid(...errors.map((one) => ({ ...one, pointer: prefix + one.pointer })));
}

/** Does not exist, or belongs to somebody else: the caller cannot tell which. */
export function notFound(detail = 'There is nothing here that you may see.'): AppError {
  return new AppError('not_found', detail);
}
