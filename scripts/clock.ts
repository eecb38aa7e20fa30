// `npm run clock -- +35d`: moves time in a started system, and so walks through renewals, retries and ends.
import { moveClock, parseMove, readClock } from './support/clock.ts';
import { findTarget, runScript, ScriptError } from './support/target.ts';

const usage = 'Usage: npm run clock -- +35d | +3h | +15m | 2027-01-01T00:00:00Z';

runScript(async () => {
  const [move, ...more] = process.argv.slice(2);
  const target = findTarget();
  const now = await readClock(target);
  if (move === undefined) {
    say(`It is ${now.toISOString()}.`);
    return;
  }
  const to = parseMove(move, now);
  if (!to || more.length > 0) throw new ScriptError(usage);
  if (to < now) {
    throw new ScriptError(`It is already ${now.toISOString()}: time goes forward only.`);
  }
  await moveClock(target, to);
  say(`It was ${now.toISOString()}, it is ${to.toISOString()}.`);
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
