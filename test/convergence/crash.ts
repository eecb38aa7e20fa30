// Lets a process die at each point of an action in turn, until the action gets through alive; after each death
// another process goes on, the client asks again where it got no answer, and what came of it is held against what
// had to come of it once.
import { jobs } from '../../jobs/index.ts';
import type { Context } from '../../src/context.ts';
import type { ApiAnswer, Api } from '../support/api.ts';
import { apiOf } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { startVictim } from './victim.ts';
import type { Point } from './victim.ts';

export type Process = { ctx: Context; api: Api };
export type Scene = {
  /** The client's request, or whatever else has the process do something: the one that dies, or the survivor. */
  act: (process: Process) => Promise<ApiAnswer>;
  /** What the client may be told in the end: that it is done, or that it was done already. */
  isDone: (answer: ApiAnswer) => boolean;
  /** What is wrong, in words, whatever the client knows; asked once all is quiet. */
  check: () => Promise<string[]>;
};

/** The jobs that take up what was left; in the long run all of the table. */
const menders = ['process-stripe-event', 'expire-incomplete', 'expire-checkouts', 'follow-access'];
const isLong = process.env['SOAK_MINUTES'] !== undefined;
const pointsMax = 400;
const attemptsMax = 4;

/** Ends with how many deaths it took; throws with all that went wrong at any of them. */
export async function dieEverywhere(
  billing: Billing,
  { at, stage }: { at: Point['at']; stage: () => Promise<Scene> },
): Promise<{ deaths: number }> {
  const wrong: string[] = [];
  for (let nth = 1; nth <= pointsMax; nth += 1) {
    const scene = await stage();
    const death = await dieOnce(billing, { at, nth }, scene, wrong);
    if (death !== null) continue;
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return { deaths: nth - 1 };
  }
  throw new Error(`still dying after ${pointsMax} points`);
}

async function dieOnce(
  billing: Billing,
  point: Point,
  scene: Scene,
  wrong: string[],
): Promise<string | null> {
  const victim = await startVictim(billing, point);
  const said = await scene.act(victim).catch(() => null);
  const death = victim.death();
  const answer = death === null || (said && scene.isDone(said)) ? said : null;
  await victim.close();
  const name = `${death ?? 'alive'} (${point.nth})`;
  if (death !== null) {
    // Who comes first: Stripe's news and the sweeps, or the client that got no answer.
    if (point.nth % 2 === 1) await recover(billing);
    else await leasesPass(billing);
    const again = answer ?? (await askAgain(billing, scene));
    if (!scene.isDone(again)) wrong.push(`${name}: asked again, ${again.status} ${text(again)}`);
  } else if (!answer || !scene.isDone(answer)) {
    wrong.push(`${name}: ${answer ? `${answer.status} ${text(answer)}` : 'no answer'}`);
  }
  await recover(billing);
  wrong.push(...(await scene.check()).map((text) => `${name}: ${text}`));
  return death;
}

/** As a client does: again, after a while, as long as it hears that something is under way or nothing at all. */
async function askAgain(billing: Billing, scene: Scene): Promise<ApiAnswer> {
  const survivor = { ctx: billing.ctx, api: apiOf(billing.url) };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await scene.act(survivor);
    const isTransient = answer.status >= 500 || /in_flight/.test(String(answer.body?.code));
    if (!isTransient || attempt === attemptsMax) return answer;
    await leasesPass(billing);
  }
}

/** The news arrives, the leases of the dead run out, and every job runs. */
async function recover(billing: Billing): Promise<void> {
  await billing.delivered();
  await leasesPass(billing);
  for (const job of jobs) if (isLong || menders.includes(job.name)) await job.run(billing.ctx);
}

/** Machine time in which nobody says that he lives. */
async function leasesPass({ ctx }: Billing): Promise<void> {
  const past = `clock_timestamp() - interval '1 s'`;
  for (const table of ['stripe_object', 'purchase', 'idempotency_record', 'reconciliation']) {
    await ctx.pool.query(`UPDATE ${table} SET lease_until = ${past} WHERE lease_until > ${past}`);
  }
  await ctx.pool.query(`UPDATE lease SET until = ${past}`);
  await ctx.pool.query('UPDATE stripe_object SET next_attempt_at = NULL');
}

function text({ body }: ApiAnswer): string {
  return JSON.stringify(body)?.slice(0, 300) ?? '';
}
