// How Stripe shows what a product gives, and the summary of what a customer has.
import type { ActiveEntitlement, ProductFeature } from '../store/entity-entitlement.ts';
import type { World } from '../world.ts';
import { embedded, publicPart, type Wire } from './wire.ts';

export const showProductFeature = (world: World, row: ProductFeature): Wire => ({
  ...publicPart(row),
  entitlement_feature: publicPart(world.store.need('entitlements.feature', row._feature)),
});

const shownMax = 10;

export const showSummary = (customer: string, rows: ActiveEntitlement[]): Wire => ({
  object: 'entitlements.active_entitlement_summary',
  customer,
  entitlements: embedded(
    `/v1/customer/${customer}/entitlements`,
    rows.slice(0, shownMax).map(publicPart),
    rows.length,
  ),
  livemode: false,
});
