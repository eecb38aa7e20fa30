// Rows of entitlements: features, which products give them, and which customers have them.
import type { Metadata, Row } from './entity.ts';

export type Feature = Row<'entitlements.feature'> & {
  active: boolean;
  livemode: false;
  lookup_key: string;
  metadata: Metadata;
  name: string;
};

export type ProductFeature = Row<'product_feature'> & {
  livemode: false;
  _product: string;
  _feature: string;
};

export type ActiveEntitlement = Row<'entitlements.active_entitlement'> & {
  feature: string;
  livemode: false;
  lookup_key: string;
  _customer: string;
};
