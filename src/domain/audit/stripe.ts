// Where Stripe and the configuration differ, as far as Stripe could be asked. Asks nobody itself: what was not
// answered is told as that, never as a fault.
import { finding, nameSome } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Price } from '../plan.ts';
import { neededEvents } from '../stripe-event.ts';

/** `interval` is null where the price is for no single month or year. */
export type StripePrice = {
  active: boolean;
  amount: number | null;
  currency: string;
  interval: string | null;
  product: string;
};

export type AuditedPrice = {
  plan: string;
  id: string;
  product: string | null;
  ours: Price;
  /** Null: not asked, or not answered. */
  stripes: StripePrice | 'gone' | null;
};

export type AuditedWebhook = {
  /** Where our own endpoint listens. */
  url: string;
  /** Null: not answered. */
  endpoints: { url: string; enabled: boolean; events: string[] }[] | null;
};

export function auditStripe(prices: AuditedPrice[], webhook: AuditedWebhook): Finding[] {
  const unasked = prices.filter(({ stripes }) => stripes === null);
  return [
    ...prices.flatMap(auditPrice),
    ...auditWebhook(webhook),
    ...(unasked.length
      ? [
          finding(
            'stripe_not_asked',
            'prices',
            `Not known: ${nameSome(unasked.map((one) => one.plan))}.`,
          ),
        ]
      : []),
  ];
}

function auditPrice({ plan, id, product, ours, stripes }: AuditedPrice): Finding[] {
  if (stripes === null) return [];
  if (stripes === 'gone') return [finding('price_gone', plan, `Stripe knows no ${id}.`)];
  const differences = [
    ['amount', ours.amount, stripes.amount],
    ['currency', ours.currency, stripes.currency],
    ['interval', ours.interval, stripes.interval],
    ['product', product, stripes.product],
  ].filter(([, own, other]) => own !== other);
  const said = differences.map(
    ([name, own, other]) => `${name} ${own ?? 'none'}, at Stripe ${other ?? 'none'}`,
  );
  return [
    ...(stripes.active ? [] : [finding('price_inactive', plan, `${id} is not active.`)]),
    ...(said.length ? [finding('price_changed', plan, `${id}: ${said.join('; ')}.`)] : []),
  ];
}

function auditWebhook({ url, endpoints }: AuditedWebhook): Finding[] {
  if (endpoints === null) {
    return [
      finding('stripe_not_asked', 'webhook endpoints', 'Whether Stripe has ours is not known.'),
    ];
  }
  const ours = endpoints.filter((endpoint) => endpoint.url === url);
  const enabled = ours.filter((endpoint) => endpoint.enabled);
  if (ours.length === 0) {
    return [finding('webhook_endpoint_missing', url, 'Stripe has no endpoint with this address.')];
  }
  if (enabled.length === 0) {
    return [finding('webhook_endpoint_disabled', url, 'It is switched off at Stripe.')];
  }
  const sent = new Set(enabled.flatMap(({ events }) => events));
  const missing = sent.has('*') ? [] : neededEvents.filter((type) => !sent.has(type));
  if (missing.length === 0) return [];
  return [finding('webhook_events_missing', url, `Not sent: ${missing.join(', ')}.`)];
}
