// A product made by the way: for a price, a plan, or an item of Checkout.
import { mergeMetadata } from '../api/params.ts';
import { add } from '../delivery/event.ts';
import { newId, nowOn, type World } from '../world.ts';

export type ProductData = {
  id?: string | undefined;
  name: string;
  active?: boolean | undefined;
  description?: string | undefined;
  images?: string[] | undefined;
  metadata?: Record<string, string> | null | undefined;
  tax_code?: string | undefined;
  unit_label?: string | undefined;
};

/** Makes it and answers its id. */
export const productFor = (world: World, data: ProductData): string => {
  const now = nowOn(world, null);
  const { id, metadata, ...given } = data;
  const described = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return add(
    world,
    'product',
    {
      id: id ?? newId('prod', 14),
      object: 'product',
      active: true,
      created: now,
      default_price: null,
      livemode: false,
      metadata: mergeMetadata({}, metadata),
      updated: now,
      _deleted: false,
      ...described,
      name: data.name,
    },
    'product.created',
  ).id;
};
