// The terminal: answers on stdout, everything else on stderr, colours and progress only where a person looks.
// Knows no command.
import { styleText } from 'node:util';
import { readStream } from './stream.ts';

export type Streams = {
  stdin: AsyncIterable<Uint8Array | string>;
  stdout: { write: (text: string) => unknown; isTTY?: boolean };
  stderr: { write: (text: string) => unknown; isTTY?: boolean };
};

export type Color = 'red' | 'yellow' | 'green' | 'cyan' | 'bold' | 'dim';

export type Terminal = ReturnType<typeof createTerminal>;

const clearLine = '\r\x1b[2K';

/** `signal` is Ctrl-C, which also ends the waiting for what comes on stdin. */
export function createTerminal(
  { stdin, stdout, stderr }: Streams,
  { withColors, signal }: { withColors: boolean; signal: AbortSignal },
) {
  let isProgressShown = false;
  const isPainted = withColors && stdout.isTTY === true;

  function endProgress(): void {
    if (isProgressShown) stderr.write(clearLine);
    isProgressShown = false;
  }

  return {
    /** A line of the answer. */
    say(line: string): void {
      endProgress();
      stdout.write(`${line}\n`);
    },
    /** A line about the answer. */
    note(line: string): void {
      endProgress();
      stderr.write(`${line}\n`);
    },
    /** How far long work is, where somebody watches; the next line takes its place. */
    progress(text: string): void {
      if (stderr.isTTY !== true) return;
      stderr.write(`${clearLine}${text}`);
      isProgressShown = true;
    },
    endProgress,
    paint: (color: Color, text: string): string =>
      isPainted ? styleText(color, text, { validateStream: false }) : text,
    readStdin: () => Promise.race([readStream(stdin, 'What comes on stdin'), untilAborted(signal)]),
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** Names come from customers: control characters could move the cursor or change what was said before. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
}
