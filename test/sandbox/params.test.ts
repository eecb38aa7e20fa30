// The parameters the sandbox accepts against the strict parameter types of the installed SDK.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { format, resolveConfig } from 'prettier';
import { older } from '../../src/sandbox/api/older.ts';
import { errorOf, openStand } from './stand.ts';
import { reportParameters } from './schema/report.ts';

/** Taken although the SDK's types of this version do not know it, each for a reason. */
const knownElsewhere = [
  // Card numbers: the API takes them, the SDK's types leave them to Stripe.js.
  /^POST \/v1\/(payment|setup)_intents\S* payment_method_data\[(card|type)\]/,
  /^POST \/v1\/tokens card\[number\]/,
  // The types read here are those of the v1 API; the round through every endpoint tries v2.
  /^POST \/v2\/billing\//,
  // The name `hosted_page` had before 2026-03-25.dahlia.
  /^POST \/v1\/checkout\/sessions ui_mode=hosted$/,
];

/** Taken from Stripe's own CLI alone, which speaks older API versions. */
const fromCliAlone = new Set(
  Object.entries(older).flatMap(([endpoint, names]) =>
    names.map((name) => {
      const [first, ...rest] = name.split('.').filter((part) => part !== '*');
      return `${endpoint.replaceAll(/:\w+/g, '*')} ${first!}${rest.map((part) => `[${part}]`).join('')}`;
    }),
  ),
);

const report = await reportParameters();

test('nothing is accepted that Stripe does not know', () => {
  const unknown = report.unknown.filter(
    (one) => !fromCliAlone.has(one) && !knownElsewhere.some((known) => known.test(one)),
  );
  expect(unknown).toEqual([]);
});

test('what is not supported is listed in the documentation', async () => {
  const path = new URL('../../docs/sandbox-parameters.md', import.meta.url).pathname;
  const wanted = await format(report.text, { ...(await resolveConfig(path)), parser: 'markdown' });
  // Out of date: node --import tsx scripts/sandbox-parameters.ts
  expect(readFileSync(path, 'utf8')).toBe(wanted);
});

test('inside what is taken and not used only names that Stripe knows are taken', async () => {
  const path = new URL('../../src/sandbox/api/ignored.txt', import.meta.url).pathname;
  expect(readFileSync(path, 'utf8')).toBe(report.ignored);
  const stand = await openStand();
  const create = (card: object) =>
    stand.stripe.paymentIntents.create({
      amount: 500,
      currency: 'usd',
      payment_method_options: { card },
    });
  expect((await create({ request_three_d_secure: 'automatic' })).id).toMatch(/^pi_/);
  expect(await errorOf(create({ nonsense: { a: 1 } }))).toMatchObject({
    statusCode: 400,
    code: 'parameter_unknown',
    param: 'payment_method_options[card][nonsense]',
  });
  await stand.close();
});
