// Moves time for a whole system: first the sandbox, until it is there and all its webhooks are taken, then
// Tollgate, so that what Stripe had to say about the time between is known when Tollgate gets there.
import { z } from 'zod';
import { call } from '../../src/local/call.ts';
import { holdsWithin } from '../../src/local/processes.ts';
import { ScriptError } from './target.ts';
import type { Target } from './target.ts';

const sandboxWithinMs = 300_000;
const clockSchema = z.object({ now: z.coerce.date() });
const sandboxClockSchema = clockSchema.extend({ status: z.enum(['ready', 'advancing']) });
const deliveriesSchema = z.object({ outstanding: z.number() });
const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `+35d`, `+3h`, `+15m`, or an instant as in `2027-01-01T00:00:00Z`; null for anything else. */
export function parseMove(text: string, now: Date): Date | null {
  const relative = /^\+(\d{1,6})([mhd])$/.exec(text);
  if (relative) {
    return new Date(
      now.getTime() + Number(relative[1]) * unitMs[relative[2] as keyof typeof unitMs],
    );
  }
  const instant = z.iso.datetime({ offset: true }).safeParse(text);
  return instant.success ? new Date(instant.data) : null;
}

/** The later of the two clocks: from there both can go forward. */
export async function readClock(target: Target): Promise<Date> {
  const ours = clockSchema.parse(await tollgate(target, 'GET'));
  const theirs = sandboxClockSchema.parse(await sandbox(target, 'GET', 'clock'));
  return ours.now > theirs.now ? ours.now : theirs.now;
}

/** Resolves when both are there and each scheduled job of Tollgate has run. */
export async function moveClock(target: Target, to: Date): Promise<void> {
  await sandbox(target, 'POST', 'clock', { now: to.toISOString() });
  await waitFor('the sandbox does not get there', async () => {
    return sandboxClockSchema.parse(await sandbox(target, 'GET', 'clock')).status === 'ready';
  });
  await waitFor('webhooks of the sandbox stay undelivered', async () => {
    return deliveriesSchema.parse(await sandbox(target, 'GET', 'deliveries')).outstanding === 0;
  });
  await tollgate(target, 'PUT', { now: to.toISOString() });
}

async function waitFor(otherwise: string, holds: () => Promise<boolean>): Promise<void> {
  if (!(await holdsWithin(sandboxWithinMs, holds, 50))) throw new ScriptError(otherwise);
}

function tollgate(target: Target, method: string, body?: unknown): Promise<unknown> {
  return ask(method, `${target.apiUrl}/test/clock`, target.operatorToken, body);
}

function sandbox(target: Target, method: string, what: string, body?: unknown): Promise<unknown> {
  return ask(method, `${target.sandboxUrl}/_sandbox/${what}`, target.sandboxSecretKey, body);
}

async function ask(method: string, url: string, token: string, body?: unknown): Promise<unknown> {
  const answer = await call({ method, url, token, body });
  if (answer.status >= 300) {
    throw new ScriptError(`${method} ${url} answered ${answer.status}: ${answer.text}`);
  }
  return answer.body;
}
