// Whether a port can be had on the loopback interface, and one that can. Holds none: whoever asked binds next.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections (Linux 32768, IANA 49152): a port
 * of that range may be gone again before it is bound, or when its owner comes back after a restart.
 */
const range = { from: 15_000, to: 32_000 };
const attemptsMax = 50;

/** The port given back when it is free, null when it is taken. */
export function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}

/** The preferred one if it is free, else any. */
export async function choosePort(preferred: number | null): Promise<number> {
  if (preferred && (await tryPort(preferred))) return preferred;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = await tryPort(randomInt(range.from, range.to));
    if (port) return port;
  }
  throw new Error('no port is free on 127.0.0.1');
}
