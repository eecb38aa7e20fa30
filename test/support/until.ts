// Waits for something that another process or a background task brings about: asks again and again, within
// a bound. Never a plain sleep.

/** The first truthy answer; throws, naming what was awaited, when there is none in time. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 15_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer as Exclude<T, false | null | undefined>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${what} (last: ${String(last)})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
