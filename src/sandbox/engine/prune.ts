// Events live thirty days, as at Stripe (https://docs.stripe.com/api/events/list), each by its own
// clock; with them go their finished deliveries. What still waits to be delivered stays.
import type { StripeEvent } from '../store/entity-session.ts';
import { nowOn, type World } from '../world.ts';

const keptSeconds = 30 * 86_400;

/** Drops what is too old; rows are in order of creation, so it stops at the first that is not. */
export const pruneEvents = (world: World): void => {
  const old: StripeEvent[] = [];
  for (const event of world.store.all('event')) {
    if (!isOld(world, event)) break;
    old.push(event);
  }
  if (old.length === 0) return;
  const ids = new Set(old.map((event) => event.id));
  world.store.transaction(() => {
    for (const delivery of [...world.store.all('delivery')]) {
      if (!ids.has(delivery.event_id)) continue;
      if (delivery.status === 'pending' || delivery.status === 'held')
        ids.delete(delivery.event_id);
      else world.store.remove('delivery', delivery.id);
    }
    for (const id of ids) world.store.remove('event', id);
  });
};

const isOld = (world: World, { created, _clock: clock }: StripeEvent): boolean => {
  if (clock !== null && world.store.get('test_helpers.test_clock', clock) === undefined)
    return true;
  return created < nowOn(world, clock) - keptSeconds;
};
