// Holds the connection over which messages are added, from the first use on; a failed opening is tried again.
import { within } from './deadline.ts';
import type { Producer, QueueHome } from './queue-home.ts';

const openWithinMs = 3_000;
const reopenAfterMs = 1_000;

export type Opening = ReturnType<typeof createProducer>;

export function createProducer(
  home: QueueHome,
  name: string,
  complain: (error: unknown) => undefined,
) {
  let opened: Promise<Producer> | undefined;

  /** A failed opening is forgotten, since BullMQ would remember it for ever: the next use tries again. */
  function open(): Promise<Producer> {
    opened ??= (async () => {
      const queue = home.openQueue(name);
      queue.on('error', complain);
      try {
        await queue.waitUntilReady();
        return queue;
      } catch (error) {
        opened = undefined;
        await queue.close().catch(complain);
        throw error;
      }
    })();
    return opened;
  }

  /** Until it is there, or null where the process is to end before. */
  async function openPatiently(shouldStop: () => boolean): Promise<Producer | null> {
    for (;;) {
      const queue = await within(openWithinMs, open()).catch(complain);
      if (queue) return queue;
      if (shouldStop()) return null;
      await new Promise((resolve) => setTimeout(resolve, reopenAfterMs));
    }
  }

  /** One that has not opened yet is left to its connection, which ends with the home. */
  async function close(): Promise<void> {
    const queue = opened && (await within(reopenAfterMs, opened).catch(complain));
    await queue?.close().catch(complain);
  }

  return { open, openPatiently, close };
}
