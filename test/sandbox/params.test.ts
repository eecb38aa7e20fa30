// The parameters the sandbox accepts against the strict parameter types of the installed SDK.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { format, resolveConfig } from 'prettier';
import { reportParameters } from './schema/report.ts';

/** Taken although the SDK's types of this version do not know it, each for a reason. */
const knownElsewhere = [
  // Stripe's own CLI speaks older API versions: discounts by `coupon`, `payment_method_types`.
  /^POST \/v1\/(customers|customers\/\*|promotion_codes) coupon$/,
  /^POST \/v1\/(payment|setup)_intents\S* payment_method_types$/,
  /^POST \/v1\/subscription_schedules phases\[iterations\]$/,
  /^POST \/v1\/(plans|subscriptions)\S* /,
  // Card numbers: the API takes them, the SDK's types leave them to Stripe.js.
  /^POST \/v1\/(payment|setup)_intents\S* payment_method_data\[(card|type)\]/,
  // The name `hosted_page` had before 2026-03-25.dahlia.
  /^POST \/v1\/checkout\/sessions ui_mode=hosted$/,
];

const report = await reportParameters();

test('nothing is accepted that Stripe does not know', () => {
  const unknown = report.unknown.filter((one) => !knownElsewhere.some((known) => known.test(one)));
  expect(unknown).toEqual([]);
});

test('what is not supported is listed in the documentation', async () => {
  const path = new URL('../../docs/sandbox-parameters.md', import.meta.url).pathname;
  const wanted = await format(report.text, { ...(await resolveConfig(path)), parser: 'markdown' });
  // Out of date: node --import tsx scripts/sandbox-parameters.ts
  expect(readFileSync(path, 'utf8')).toBe(wanted);
});
