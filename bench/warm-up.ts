// Asks a server once for every key, so that what is measured afterwards is the cache full, not being filled.
import { readFile } from 'node:fs/promises';
import type { Place } from './place.ts';

const keysPerCall = 50;
const callsAtOnce = 4;
/** Beyond its bounds a server that is asked for the first time says 503 at once: asked again. */
const triesMax = 50;
const againAfterMs = 200;

/** Ends when every key was answered for; throws where one was not. Answers keys a second. */
export async function warmUp(url: string, { env, keysFile }: Place): Promise<number> {
  const keys = (await readFile(keysFile, 'utf8')).trim().split('\n');
  const from = performance.now();
  let at = 0;
  const worker = async () => {
    while (at < keys.length) {
      const some = keys.slice(at, (at += keysPerCall));
      for (let tries = 1; !(await areKnown(url, env['GATEWAY_TOKENS']!, some)); tries += 1) {
        if (tries === triesMax) throw new Error('keys stay unverifiable');
        await new Promise((resolve) => setTimeout(resolve, againAfterMs));
      }
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, worker));
  return Math.round(keys.length / ((performance.now() - from) / 1000));
}

async function areKnown(url: string, token: string, keys: string[]): Promise<boolean> {
  const answer = await fetch(`${url}/entitlements/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-gateway-token': token },
    body: JSON.stringify({
      checks: keys.map((key) => ({ api_key: key, method: 'GET', path: '/flat' })),
    }),
  });
  const { data } = (await answer.json()) as { data: { status: number }[] };
  const wrong = data.find(({ status }) => status !== 200 && status !== 503);
  if (wrong) throw new Error(`a key was answered with ${wrong.status}`);
  return data.every(({ status }) => status === 200);
}
