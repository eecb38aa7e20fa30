// What the page at / shows: the forms that move the clock and flip the faults, and the tables of
// what there is, newest first. Reads rows, changes nothing.
import type { Faults } from '../control/fault.ts';
import { readFaults } from '../control/fault.ts';
import { readSettings } from '../control/setting.ts';
import { forPeople } from '../billing/money.ts';
import type { StripeEvent } from '../store/entity-session.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { TableName, Tables } from '../store/table.ts';
import { accountClock, nowOn, type World } from '../world.ts';
import { button, escape, form, problem, row, table } from './html.ts';

const shownMax = 25;

/** The newest rows of a table. */
const newest = <T extends TableName>(world: World, name: T): Tables[T][] =>
  [...world.store.all(name)].slice(-shownMax).reverse();

const instant = (at: number | null): string =>
  at === null ? '' : new Date(at * 1000).toISOString().slice(0, 19).replace('T', ' ');

const heads = (...names: string[]): string =>
  `<tr>${names.map((name) => `<th scope="col">${name}</th>`).join('')}</tr>`;

const list = (title: string, count: number, head: string, rows: string[]): string =>
  `<h2>${title} <small>${count}</small></h2><div class="scroll">${table(rows.length === 0 ? [] : [head, ...rows])}</div>`;

export const signIn = (message: string | null): string =>
  `<h1>Sandbox</h1>${problem(message)}<p>This page shows and changes everything in the sandbox. It opens with the secret key (<code>SANDBOX_SECRET_KEY</code>).</p>
${form('/', '<label>Secret key <input name="key" type="password" autocomplete="off" required></label> <button name="deed" value="sign_in" class="main">Open</button>')}`;

export const home = (world: World, message: string | null): string =>
  `<h1>Sandbox</h1>${problem(message)}${clockForms(world)}${webhookForm(readFaults(world))}${failureForm(readFaults(world))}${settingForm(world)}
<iframe src="/live" title="What there is, live"></iframe>
${form('/', button('deed', 'sign_out', 'Close this page'))}`;

const group = (title: string, inner: string): string =>
  `<fieldset><legend>${title}</legend>${inner}</fieldset>`;

const jumps = [
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '1 week'],
  ['2678400', '31 days'],
  ['31536000', '365 days'],
] as const;

const clockForms = (world: World): string => {
  const now = instant(nowOn(world, null));
  const buttons = jumps
    .map(([seconds, label]) => button('seconds', seconds, `+ ${label}`))
    .join('');
  const exact = `<label>to (UTC) <input type="datetime-local" step="1" name="to" value="${now.replace(' ', 'T')}"></label> <button name="deed" value="move">Move</button>`;
  return group('Clock', `${form('/', buttons)}${form('/', exact)}`);
};

const select = (name: string, values: readonly string[], chosen: string): string =>
  `<select name="${name}">${values.map((value) => `<option${value === chosen ? ' selected' : ''}>${value}</option>`).join('')}</select>`;

const number = (name: string, label: string, value: number): string =>
  `<label>${label} <input type="number" min="0" name="${name}" value="${value}" size="6"></label> `;

const webhookForm = ({ webhooks }: Faults): string =>
  group(
    'Webhooks',
    form(
      '/',
      `${select('mode', ['normal', 'hold', 'drop'], webhooks.mode)} ${number('duplicate', 'copies', webhooks.duplicate)}${number('delay_ms', 'delay ms', webhooks.delay_ms)}<label><input type="checkbox" name="shuffle"${webhooks.shuffle ? ' checked' : ''}> shuffle</label> <button name="deed" value="webhooks">Set</button>`,
    ),
  );

export const failures = [
  'status 500',
  'status 503',
  'status 429',
  'reset before',
  'reset after',
  'hang 5 s',
];

const failureForm = ({ api }: Faults): string => {
  const kept = api.map(({ match, times, ...what }) =>
    row(
      `<code>${escape(match)}</code>`,
      escape(JSON.stringify(what)),
      times === undefined ? 'always' : `${times} left`,
    ),
  );
  const clear = kept.length === 0 ? '' : form('/', button('deed', 'clear_failures', 'Clear all'));
  const add = form(
    '/',
    `<label>Calls <input name="match" value="POST /v1/subscriptions" size="26"></label> ${select('what', failures, failures[0]!)} ${number('times', 'times', 1)}<button name="deed" value="failure">Add</button>`,
  );
  return group('Failures of the API', `${kept.length === 0 ? '' : table(kept)}${add}${clear}`);
};

const settingForm = (world: World): string => {
  const { retries, after_retries: after } = readSettings(world);
  return group(
    'After a failed payment',
    form(
      '/',
      `${number('count', 'retries', retries.count)}${number('days', 'in days', retries.days)}<label>then ${select('after', ['past_due', 'unpaid', 'cancel', 'pause'], after)}</label> <button name="deed" value="settings">Set</button>`,
    ),
  );
};

/** The part that is loaded again every few seconds. */
export const live = (world: World): string => {
  const { target } = accountClock(world);
  const waiting = [...world.store.all('delivery')].filter(
    ({ status }) => status === 'pending' || status === 'held',
  ).length;
  const state = target === null ? 'ready' : `advancing to ${instant(target)}`;
  return `<p>Clock: <strong>${instant(nowOn(world, null))}</strong> UTC, ${state}. Deliveries outstanding: <strong>${waiting}</strong>.</p>
${[customers, subscriptions, invoices, events, deliveries].map((show) => show(world)).join('\n')}`;
};

const customers = (world: World): string =>
  list(
    'Customers',
    world.store.size('customer'),
    heads('id', 'name', 'email', 'balance', 'created', 'test clock'),
    newest(world, 'customer').map((one) =>
      row(
        one.id,
        escape(one.name ?? ''),
        escape(one.email ?? ''),
        String(one.balance),
        instant(one.created),
        one._deleted ? 'deleted' : (one.test_clock ?? ''),
      ),
    ),
  );

const itemsOf = (world: World, { items }: Subscription): string =>
  items
    .map(({ price, quantity }) => {
      const { product } = world.store.need('price', price);
      return `${quantity} × ${world.store.need('product', product).name}`;
    })
    .join(', ');

const subscriptions = (world: World): string =>
  list(
    'Subscriptions',
    world.store.size('subscription'),
    heads('id', 'customer', 'status', 'items', 'period ends', 'cancels'),
    newest(world, 'subscription').map((one) =>
      row(
        one.id,
        one.customer,
        one.status,
        escape(itemsOf(world, one)),
        instant(one.items[0]!.current_period_end),
        instant(one.cancel_at),
      ),
    ),
  );

const invoices = (world: World): string =>
  list(
    'Invoices',
    world.store.size('invoice'),
    heads('number', 'customer', 'status', 'total', 'due', 'created', 'next attempt'),
    newest(world, 'invoice').map((one) =>
      row(
        one.hosted_invoice_url === null
          ? 'draft'
          : `<a target="_top" href="${escape(one.hosted_invoice_url)}">${escape(one.number ?? one.id)}</a>`,
        one.customer,
        one.status,
        forPeople(one.total, one.currency),
        forPeople(one.amount_remaining, one.currency),
        instant(one.created),
        instant(one.next_payment_attempt),
      ),
    ),
  );

const idOf = ({ data }: StripeEvent): string => {
  const { id } = data.object;
  return typeof id === 'string' ? id : '';
};

const events = (world: World): string =>
  list(
    'Events',
    world.store.size('event'),
    heads('created', 'type', 'object', 'id', ''),
    newest(world, 'event').map((one) =>
      row(
        instant(one.created),
        escape(one.type),
        escape(idOf(one)),
        one.id,
        `<form method="post" action="/" target="_top"><input type="hidden" name="deed" value="send">${button('event', one.id, 'Send now')}</form>`,
      ),
    ),
  );

const deliveries = (world: World): string =>
  list(
    'Deliveries',
    world.store.size('delivery'),
    heads('event', 'type', 'status', 'attempts', 'last answer'),
    newest(world, 'delivery').map((one) =>
      row(
        one.event_id,
        escape(one.type),
        one.status,
        String(one.attempts),
        String(one.last_status ?? ''),
      ),
    ),
  );
