// Stripe's errors: what the SDK recognises is the `error` member with its `type`
// (https://docs.stripe.com/api/errors). Nothing else leaves as an error.

export type ErrorBody = {
  type:
    | 'invalid_request_error'
    | 'card_error'
    | 'idempotency_error'
    | 'api_error'
    | 'temporary_session_expired';
  message: string;
  code?: string | undefined;
  param?: string | undefined;
  decline_code?: string | undefined;
  [more: string]: unknown;
};

/** The one error that answers a request; `keeps` says that what was done before it stays done. */
export class StripeError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly keeps: boolean;
  /** False for what Stripe refuses before it begins: such answers are not replayed. */
  readonly executed: boolean;

  constructor(status: number, body: ErrorBody, how: { keeps?: boolean; executed?: boolean } = {}) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.keeps = how.keeps ?? false;
    this.executed = how.executed ?? true;
  }
}

/** 400: the request makes no sense as things stand. */
export const invalid = (message: string, more: { param?: string; code?: string } = {}) =>
  new StripeError(400, { type: 'invalid_request_error', message, ...more });

/** 404 `resource_missing`, in Stripe's words. */
export const missing = (noun: string, id: string, param = 'id') =>
  new StripeError(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${noun}: '${id}'`,
    param,
  });

/** 400 `resource_missing`: an id inside the parameters names nothing. */
export const missingParam = (noun: string, id: string, param: string) =>
  new StripeError(400, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${noun}: '${id}'`,
    param,
  });

export const unauthorized = (message: string) =>
  new StripeError(401, { type: 'invalid_request_error', message }, { executed: false });

/** The v2 API answers parameters it cannot read with a code and no type, which the SDK expects. */
const ofV2 = ({ status, executed, body }: StripeError): Partial<ErrorBody> =>
  status === 400 && !executed && body.type === 'invalid_request_error'
    ? { code: 'invalid_fields', message: body.message }
    : body;

/** An error as it leaves: with the documentation and log links that Stripe adds. */
export const renderError = (
  error: StripeError,
  about: { publicUrl: string; requestId: string; path: string },
) => {
  const body = about.path.startsWith('/v2/') ? ofV2(error) : error.body;
  return { error: { ...body, ...linksOf(body.code, about) } };
};

const linksOf = (
  code: string | undefined,
  { publicUrl, requestId }: { publicUrl: string; requestId: string },
): { doc_url?: string; request_log_url: string } => ({
  ...(code === undefined
    ? {}
    : { doc_url: `https://docs.stripe.com/error-codes#${code.replaceAll('_', '-')}` }),
  request_log_url: `${publicUrl}/_sandbox/requests/${requestId}`,
});
