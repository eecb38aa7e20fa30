// Holds back answers to re-reads: what Stripe said is on its way while the world moves on, and the answers come
// home in any order. At most three at a time, so that there is always a worker left.
import type { StripeCall } from '../support/stripe-proxy.ts';
import { random } from './random.ts';

const heldMax = 3;
const stepsMax = 4;

export type HeldBack = ReturnType<typeof openHeldBack>;

export function openHeldBack(seed: number, percent: number) {
  const held = new Map<string, { until: number; go: () => void }[]>();
  const asked = new Map<string, number>();
  let now = 0;
  let isOpen = true;
  const count = () => [...held.values()].flat().length;

  return {
    total: 0,
    /** The objects whose look waits here. */
    objects: () => [...held.keys()],
    async hold(this: { total: number }, call: StripeCall): Promise<void> {
      const object = objectOf(call);
      if (isOpen || object === null) return;
      const nth = (asked.get(call.path) ?? 0) + 1;
      asked.set(call.path, nth);
      const chance = random(seed, `${call.path} ${nth}`);
      if (count() >= heldMax || !chance.percent(percent)) return;
      const until = now + 1 + chance.below(stepsMax);
      this.total += 1;
      await new Promise<void>((go) =>
        held.set(object, [...(held.get(object) ?? []), { until, go }]),
      );
    },
    /** From here on answers are held. */
    start: () => void (isOpen = false),
    /** Lets go of what has been held for long enough, in any order. */
    moveTo(step: number): void {
      now = step;
      const ripe: (() => void)[] = [];
      for (const [object, answers] of held) {
        ripe.push(...answers.filter(({ until }) => until <= now).map(({ go }) => go));
        const rest = answers.filter(({ until }) => until > now);
        if (rest.length > 0) held.set(object, rest);
        else held.delete(object);
      }
      for (const go of random(seed, `release ${step}`).shuffle(ripe)) go();
    },
    /** Lets go of everything and holds nothing any more. */
    open(): void {
      isOpen = true;
      const all = [...held.values()].flat();
      held.clear();
      for (const { go } of random(seed, 'release all').shuffle(all)) go();
    },
  };
}

/** Which object a look asks about: the retrieval itself, or the list that belongs to it. */
function objectOf({ method, path }: StripeCall): string | null {
  if (method !== 'GET') return null;
  const url = new URL(path, 'http://stripe');
  const [, , noun, id] = url.pathname.split('/');
  if (noun === 'subscriptions' || noun === 'customers') {
    return id ?? url.searchParams.get('customer');
  }
  if (noun === 'invoices' && id === undefined) {
    return url.searchParams.get('subscription') ?? url.searchParams.get('customer');
  }
  return null;
}
