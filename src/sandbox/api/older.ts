// Parameters of older API versions that Stripe's own CLI still sends, whatever version it names.
// It alone may: a program that sends them is refused, as Stripe refuses it at today's version.
import { StripeError } from './error.ts';
import type { Form, FormValue } from './form.ts';

/** By endpoint; `*` stands for every place of a list. */
export const older: Record<string, string[]> = {
  'POST /v1/customers': ['coupon'],
  'POST /v1/customers/:id': ['coupon'],
  'POST /v1/promotion_codes': ['coupon'],
  'POST /v1/payment_intents': ['payment_method_types'],
  'POST /v1/setup_intents': ['payment_method_types'],
  'POST /v1/checkout/sessions': ['payment_method_types'],
  'POST /v1/subscription_schedules': ['phases.*.iterations'],
};

export const isCli = (userAgent: string | undefined): boolean =>
  /\bstripe-cli\b/i.test(userAgent ?? '');

/** Refuses what only the CLI may send. */
export const refuseOlder = (
  endpoint: { method: string; path: string },
  form: Form,
  fromCli: boolean,
): void => {
  if (fromCli) return;
  for (const path of older[`${endpoint.method} ${endpoint.path}`] ?? []) {
    const found = placeOf(form, path.split('.'), '');
    if (found === null) continue;
    throw new StripeError(
      400,
      {
        type: 'invalid_request_error',
        code: 'parameter_unknown',
        message: `Received unknown parameter: ${found}`,
        param: found,
      },
      { executed: false },
    );
  }
};

/** Where the path leads, as Stripe names a parameter; null where the form has nothing there. */
const placeOf = (value: FormValue, path: string[], at: string): string | null => {
  const [key, ...rest] = path;
  if (key === undefined) return at;
  if (typeof value === 'string') return null;
  const places = Array.isArray(value) ? [...value.keys()].map(String) : Object.keys(value);
  for (const place of places) {
    if (key !== '*' && key !== place) continue;
    const inner = Array.isArray(value) ? value[Number(place)] : value[place];
    const found = placeOf(inner ?? '', rest, at === '' ? place : `${at}[${place}]`);
    if (found !== null) return found;
  }
  return null;
};
