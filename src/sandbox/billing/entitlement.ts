// Which features a customer has: those of the products on their living subscriptions
// (https://docs.stripe.com/billing/entitlements). Announces the summary when it has changed.
import { emit } from '../delivery/event.ts';
import { showSummary } from '../shape/entitlement.ts';
import type { ActiveEntitlement } from '../store/entity-entitlement.ts';
import type { SubscriptionStatus } from '../store/entity-subscription.ts';
import { newId, type World } from '../world.ts';

const entitling = new Set<SubscriptionStatus>(['active', 'trialing', 'past_due']);

export const entitlementsOf = (world: World, customer: string): ActiveEntitlement[] =>
  [...world.store.all('entitlements.active_entitlement')].filter(
    (row) => row._customer === customer,
  );

/** Brings a customer's entitlements in step with their subscriptions. */
export const refreshEntitlements = (world: World, customer: string): void => {
  if (world.store.size('product_feature') === 0) return;
  const before = entitlementsOf(world, customer);
  const wanted = featuresFor(world, customer);
  const gone = before.filter((row) => !wanted.has(row.feature));
  const added = [...wanted].filter((id) => !before.some((row) => row.feature === id));
  if (gone.length === 0 && added.length === 0) return;
  for (const row of gone) world.store.remove('entitlements.active_entitlement', row.id);
  for (const feature of added) {
    world.store.put('entitlements.active_entitlement', {
      id: newId('ent_test', 26),
      object: 'entitlements.active_entitlement',
      feature,
      livemode: false,
      lookup_key: world.store.need('entitlements.feature', feature).lookup_key,
      _customer: customer,
    });
  }
  const { entitlements } = showSummary(customer, before);
  emit(
    world,
    'entitlements.active_entitlement_summary.updated',
    showSummary(customer, entitlementsOf(world, customer)),
    { entitlements },
  );
};

const featuresFor = (world: World, customer: string): Set<string> => {
  const products = new Set<string>();
  for (const { customer: owner, status, items } of world.store.all('subscription')) {
    if (owner !== customer || !entitling.has(status)) continue;
    for (const item of items) products.add(world.store.need('price', item.price).product);
  }
  const features = new Set<string>();
  for (const row of world.store.all('product_feature')) {
    if (products.has(row._product)) features.add(row._feature);
  }
  return features;
};

/** A product gives more or less than before: whoever has it does too. */
export const refreshProduct = (world: World, product: string): void => {
  const owners = new Set<string>();
  for (const { customer, items } of world.store.all('subscription')) {
    if (items.some((item) => world.store.need('price', item.price).product === product)) {
      owners.add(customer);
    }
  }
  for (const owner of owners) refreshEntitlements(world, owner);
};
