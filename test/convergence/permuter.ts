// Plays one history: deeds at Stripe, the news of them carried badly to two processes, answers to their looks held
// back. When all is quiet, what Tollgate says is held against the oracle, and what it did against once.
import fc from 'fast-check';
import type { Step } from './deed.ts';
import { cards, steps, take } from './deed.ts';
import type { Subject } from './deed.ts';
import { inspect } from './complaint.ts';
import { openHeldBack } from './held-back.ts';
import { openPostOffice } from './post-office.ts';
import type { Arrival, PostOffice } from './post-office.ts';
import { random } from './random.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';
import { followAccess } from '../../jobs/follow-access.ts';
import { reconcile as compare } from '../../jobs/reconcile.ts';
import { until } from '../support/until.ts';

export type History = { seed: number; customers: number; isLossy: boolean; steps: Step[] };
export type Tally = Record<string, number>;

const heldPercent = 30;
const droppedPercent = 25;
/** In how many of a hundred steps whoever is looking is thought dead, and others take over. */
const lapsePercent = 20;
const rushPercent = 30;
const quietWithinMs = 4_000;

/** So many customers in one Tollgate; they know nothing of each other, so each is a history of its own. */
export const histories = (size: { customers: number; length: number }): fc.Arbitrary<History> =>
  fc.record({
    seed: fc.nat(),
    customers: fc.constant(size.customers),
    isLossy: fc.boolean(),
    steps: steps(size),
  });

/** Throws where Tollgate and the oracle differ, or something was done twice or not at all. */
export async function play(history: History, arrival: Arrival = 'anywhere'): Promise<Tally> {
  const heldBack = openHeldBack(history.seed, arrival === 'anywhere' ? heldPercent : 0);
  const world = await openWorld((call) => heldBack.hold(call));
  try {
    const subjects = await makeSubjects(world, history.customers);
    const office = openPostOffice(world, {
      seed: history.seed,
      length: history.steps.length,
      arrival,
      dropPercent: history.isLossy ? droppedPercent : 0,
    });
    // What made the customers and plans is no part of the history.
    await world.workers.idle();
    await office.collect(0);
    heldBack.start();
    for (const [index, step] of history.steps.entries()) {
      await playStep({ world, office, heldBack, subjects, history }, index, step);
    }
    await end({ world, office, heldBack, history });
    const { complaints, answers } = await inspect(world, subjects, office);
    if (complaints.length > 0) throw new Error(`did not converge:\n${complaints.join('\n')}`);
    return {
      events: office.events.length,
      copies: office.copies(),
      held: heldBack.total,
      ...answers,
    };
  } finally {
    heldBack.open();
    await world.close();
  }
}

type Stage = {
  world: World;
  office: PostOffice;
  heldBack: ReturnType<typeof openHeldBack>;
  history: History;
};

async function playStep(
  stage: Stage & { subjects: Subject[] },
  index: number,
  step: Step,
): Promise<void> {
  const { world, office, heldBack, subjects, history } = stage;
  const chance = random(history.seed, `pace ${index}`);
  office.deliver(index);
  heldBack.moveTo(index);
  if (chance.percent(lapsePercent)) await lapse(world);
  await take({ world, subjects, born: () => office.collect(index) }, step);
  await office.collect(index);
  if (!chance.percent(rushPercent)) await quiet(stage);
}

/** Leases run out under those who look: to the others they are dead, and they do not know it. Who writes got through. */
async function lapse(world: World): Promise<void> {
  await world.pool.query(
    `UPDATE stripe_object SET lease_until = clock_timestamp() - interval '1 s' WHERE id IN (
       SELECT id FROM stripe_object WHERE lease_until > clock_timestamp() FOR UPDATE SKIP LOCKED)`,
  );
}

/** Nothing is due but what is held back: what arrives late really arrives later than what follows it. */
async function quiet({ world, office, heldBack }: Stage): Promise<void> {
  await office.landed();
  await until(
    'only held looks are due',
    async () => (await countDue(world, heldBack.objects())) === 0,
    quietWithinMs,
  ).catch(() => undefined);
}

async function countDue(world: World, except: string[]): Promise<number> {
  const { rows } = await world.pool.query<{ count: number }>(
    'SELECT count(*) FROM stripe_object WHERE wanted > done AND id <> ALL ($1)',
    [except],
  );
  return rows[0]!.count;
}

/** The last letters arrive, every answer comes home, and what is due is looked at. */
async function end(stage: Stage): Promise<void> {
  const { world, office, heldBack, history } = stage;
  office.deliver(history.steps.length);
  heldBack.open();
  await office.landed();
  await world.workers.idle();
  await until('nothing is due', async () => {
    await world.pool.query('UPDATE stripe_object SET next_attempt_at = NULL WHERE wanted > done');
    world.workers.wake();
    await world.workers.idle();
    return (await countDue(world, [])) === 0;
  });

  if (history.isLossy) await reconcile(world, { dryRun: false });
  else if (office.undelivered().length > 0) office.problems.push('not everything was delivered');
  const missed = await reconcile(world, { dryRun: true });
  if (missed.length > 0) office.problems.push(`left to find: ${JSON.stringify(missed)}`);
  // What the clock alone has changed is told by a job; both processes run it at once.
  await Promise.all(world.processes.map(({ ctx }) => followAccess(ctx)));
}

/**
 * What never arrived is found by comparing with Stripe, as Tollgate does each day. A history of which everything
 * arrived gets no such help: there it only says whether anything is left to find, as it then does for all.
 */
async function reconcile(world: World, { dryRun }: { dryRun: boolean }): Promise<unknown[]> {
  const { body } = await world.operator('POST', '/reconciliations', { dry_run: dryRun });
  const report = await until('the comparison is over', async () => {
    await Promise.all(world.processes.map(({ ctx }) => compare(ctx)));
    const { body: now } = await world.operator('GET', `/reconciliations/${body.id}`);
    return now.status === 'running' ? null : now;
  });
  if (report.status !== 'done') throw new Error(`comparison: ${JSON.stringify(report)}`);
  return (report.differences as { why: string }[]).filter(({ why }) => why === 'missed_event');
}

async function makeSubjects(world: World, count: number): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (let index = 0; index < count; index += 1) {
    const card = cards[index % cards.length];
    const { id } = await world.stripe.customers.create(
      card ? { payment_method: card, invoice_settings: { default_payment_method: card } } : {},
    );
    const customer = { external_id: `user-${index}`, stripe_customer_id: id };
    const { status, body } = await world.operator('POST', '/customers', customer);
    if (status !== 201) throw new Error(`customer: ${status} ${JSON.stringify(body)}`);
    subjects.push({ id: body.id, customer: id, subscriptions: [] });
  }
  return subjects;
}
