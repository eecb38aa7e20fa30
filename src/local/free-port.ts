// Whether a port can be had on the loopback interface, and one that can. Holds none: whoever asked binds next.
import { createServer } from 'node:net';

/** The port given back when it is free, any free one for 0, null when it is taken. */
export function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : null));
    });
  });
}

/** The preferred one if it is free, else any. */
export async function choosePort(preferred: number | null): Promise<number> {
  const port = (preferred && (await tryPort(preferred))) ?? (await tryPort(0));
  if (port === null || port === 0) throw new Error('no port is free on 127.0.0.1');
  return port;
}
