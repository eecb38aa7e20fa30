// `npm run tour`: the whole story against a started system, each exchange shown as it happens: a paid call
// goes through, the card fails, the call is refused with what would fix it, the customer pays, the call goes
// through again. Makes a customer of its own each time, and moves the system's time forward.
import { z } from 'zod';
import { randomBase62 } from '../src/adapters/secret.ts';
import { makeKey } from '../src/domain/api-key.ts';
import type { Answer } from '../src/local/call.ts';
import { moveClock } from './support/clock.ts';
import { exchange, say } from './support/exchange.ts';
import type { Expected } from './support/exchange.ts';
import { findDevFile, runScript, ScriptError, targetOf } from './support/target.ts';
import type { Target } from './support/target.ts';
import type { DevFile } from '../src/local/dev-file.ts';
import { breakCard, putCardIn, subscribe } from './support/tour-customer.ts';
import type { TourCustomer } from './support/tour-customer.ts';

const dayMs = 86_400_000;
/** Beyond the step of the usual ladder that denies (14 days), before the one that cancels (30 days). */
const graceMs = 16 * dayMs;
const servedAgainWithinMs = 1_000;

const denial = z.object({
  actions: z.array(z.object({ id: z.string(), href: z.string() })).min(1),
});
const invoices = z.object({ data: z.array(z.object({ id: z.string(), status: z.string() })) });

type Tour = { dev: DevFile; target: Target; customer: TourCustomer };

let chapters = 0;

runScript(async () => {
  const dev = findDevFile();
  const target = targetOf(dev);
  const { routes } = dev.demo;

  chapter('A customer with a good card subscribes to Pro and makes a key.');
  const customer = await subscribe(target);
  const tour: Tour = { dev, target, customer };

  chapter('The key calls a route that Pro has.');
  await check(tour, routes.paid, customer.key, { status: 200 });

  chapter('The card starts failing; time passes, beyond renewal and grace.');
  await breakCard(target, customer);
  await passTime(target, new Date(customer.periodEnd.getTime() + graceMs));
  const denied = await check(tour, routes.paid, customer.key, {
    status: 402,
    code: 'payment_past_due',
  });
  denial.parse(denied.body);

  chapter('The customer puts a good card in and pays: served again within a second.');
  await putCardIn(target, customer);
  await payOpenInvoice(tour);
  await servedAgain(tour);

  chapter('A feature that is not in the plan.');
  await check(tour, routes.not_in_plan, customer.key, { status: 402, code: 'feature_not_in_plan' });

  chapter('A key that nobody has.');
  await check(tour, routes.paid, makeKey('test', randomBase62(30)), {
    status: 401,
    code: 'key_invalid',
  });

  chapter('A free route, without a key.');
  await check(tour, routes.free, null, { status: 200 });

  say('That was the tour. It can be run again: it makes a new customer each time.');
});

function chapter(title: string): void {
  chapters += 1;
  say(`${chapters}. ${title}\n`);
}

/** Asks as a gateway asks for its client's call. */
function check(tour: Tour, route: string, key: string | null, expected: Expected): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ');
  const headers = {
    'X-Gateway-Token': tour.dev.gateway_token,
    'X-Forwarded-Method': method,
    'X-Forwarded-Uri': path,
    ...(key ? { 'X-API-Key': key } : {}),
  };
  return exchange({ method: 'GET', url: `${tour.target.apiUrl}/entitlements`, headers }, expected);
}

async function passTime(target: Target, to: Date): Promise<void> {
  say(`  (npm run clock -- ${to.toISOString()})\n`);
  await moveClock(target, to);
}

async function payOpenInvoice({ target, customer }: Tour): Promise<void> {
  const url = `${target.apiUrl}/invoices`;
  const list = await exchange({ method: 'GET', url, token: customer.session }, { status: 200 });
  const open = invoices.parse(list.body).data.find((invoice) => invoice.status === 'open');
  if (!open) throw new ScriptError('there is no open invoice to pay');
  await exchange(
    { method: 'POST', url: `${url}/${open.id}/payment`, token: customer.session },
    { status: 200 },
  );
}

async function servedAgain(tour: Tour): Promise<void> {
  const paidAt = Date.now();
  await check(tour, tour.dev.demo.routes.paid, tour.customer.key, { status: 200 });
  const tookMs = Date.now() - paidAt;
  if (tookMs > servedAgainWithinMs) throw new ScriptError(`served again only after ${tookMs} ms`);
  say(`  (${tookMs} ms after the payment was answered)\n`);
}
