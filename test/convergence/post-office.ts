// Carries Stripe's events to Tollgate as badly as a network may: each copy arrives at some point between the
// event's birth and the history's end, in any order, twice or three times, at either process, or never.
import { stripeApiVersion } from '../../src/adapters/stripe.ts';
import { random } from './random.ts';
import type { World } from './world.ts';

/** `anywhere` between birth and end, or only `afterwards`, when nothing changes any more. */
export type Arrival = 'anywhere' | 'afterwards';
export type Carriage = { seed: number; length: number; arrival: Arrival; dropPercent: number };

type Event = { id: string; type: string; data: { object: Record<string, unknown> } };
type Letter = { event: Event; to: number };

export type PostOffice = ReturnType<typeof openPostOffice>;

export function openPostOffice(world: World, carriage: Carriage) {
  const { seed, length, arrival, dropPercent } = carriage;
  const due = new Map<number, Letter[]>();
  const flying = new Set<Promise<void>>();
  const problems: string[] = [];
  const events: Event[] = [];
  const delivered = new Set<string>();
  let copies = 0;

  const plan = (event: Event, birth: number): void => {
    const chance = random(seed, `event ${events.length}`);
    if (chance.percent(dropPercent)) return;
    const count = chance.pick([1, 1, 1, 1, 2, 2, 3]);
    for (let copy = 0; copy < count; copy += 1) {
      const span = length - birth;
      // Half of them soon, as most are; the others at any time at all.
      const delay = chance.percent(50) ? chance.below(Math.min(3, span)) : chance.below(span);
      // What is born during a step is carried from the next one on; the last letters arrive at the end.
      const at = arrival === 'afterwards' ? length : birth + 1 + delay;
      const letter = { event, to: chance.below(world.processes.length) };
      due.set(at, [...(due.get(at) ?? []), letter]);
    }
  };

  const send = async ({ event, to }: Letter): Promise<void> => {
    const { ctx, url } = world.processes[to]!;
    const payload = JSON.stringify({ ...event, pending_webhooks: 1 });
    const secret = ctx.config.stripeWebhookSecrets[0]!;
    const signature = world.stripe.webhooks.generateTestHeaderString({ payload, secret });
    const { status } = await fetch(`${url}/webhooks/stripe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': signature },
      body: payload,
    });
    copies += 1;
    delivered.add(event.id);
    if (status !== 200) problems.push(`${event.type} ${event.id} was answered ${status}`);
  };

  const fly = (letter: Letter): void => {
    const flight = send(letter).catch((error: unknown) => void problems.push(String(error)));
    flying.add(flight);
    void flight.then(() => flying.delete(flight));
  };

  return {
    problems,
    events,
    delivered,
    copies: () => copies,
    /** Takes in what was born since, and decides when each copy of it arrives. */
    async collect(step: number): Promise<void> {
      for (const event of await eventsSince(world, events.at(-1)?.id)) {
        plan(event, step);
        events.push(event);
      }
    },
    /** Sends what is due at this step; does not wait for the answers. */
    deliver(step: number): void {
      const letters = due.get(step) ?? [];
      due.delete(step);
      for (const letter of random(seed, `step ${step}`).shuffle(letters)) fly(letter);
    },
    /** Those that nobody has carried: only what was dropped on purpose may be among them. */
    undelivered: () => events.filter(({ id }) => !delivered.has(id)).map(({ id }) => id),
    async landed(): Promise<void> {
      while (flying.size > 0) await Promise.all(flying);
    },
  };
}

/** Oldest first, the bytes as Stripe has them. */
async function eventsSince(world: World, last: string | undefined): Promise<Event[]> {
  const found: Event[] = [];
  for (let before = last, more = true; more;) {
    const query = new URLSearchParams({
      limit: '100',
      ...(before ? { ending_before: before } : {}),
    });
    const page = await list(world, query);
    found.push(...page.data.toReversed());
    before = page.data[0]?.id ?? before;
    // Without a cursor a list begins at its newest end: what is beyond the page would be lost.
    if (last === undefined && page.has_more)
      throw new Error('too many events before the first look');
    more = page.has_more;
  }
  return found;
}

async function list(
  world: World,
  query: URLSearchParams,
): Promise<{ data: Event[]; has_more: boolean }> {
  const response = await fetch(`${world.sandbox.url}/v1/events?${query.toString()}`, {
    headers: {
      authorization: `Bearer ${world.sandbox.secretKey}`,
      'stripe-version': stripeApiVersion,
    },
  });
  if (!response.ok) throw new Error(`events: ${response.status} ${await response.text()}`);
  return (await response.json()) as { data: Event[]; has_more: boolean };
}
