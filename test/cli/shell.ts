// The command line as a test runs it: most in this process, with streams of the test's own; and what came out, with
// nothing but ids, times and secrets made alike.
import { Readable } from 'node:stream';
import { runCli } from '../../src/cli/main.ts';
import type { Environment } from '../../src/cli/config.ts';

export type Ran = { exitCode: number; stdout: string; stderr: string };

export type Shell = (
  args: string[],
  options?: { stdin?: string | Readable; isTty?: boolean; env?: Environment; signal?: AbortSignal },
) => Promise<Ran>;

/** `env` is all of the environment that the command line sees. */
export function createShell(env: Environment): Shell {
  return async (args, options = {}) => {
    const written = { stdout: '', stderr: '' };
    const sink = (name: keyof typeof written) => ({
      write: (text: string) => (written[name] += text),
      isTTY: options.isTty ?? false,
    });
    const exitCode = await runCli(args, {
      env: { ...env, ...options.env },
      streams: {
        stdin:
          options.stdin instanceof Readable ? options.stdin : Readable.from([options.stdin ?? '']),
        stdout: sink('stdout'),
        stderr: sink('stderr'),
      },
      signal: options.signal ?? new AbortController().signal,
    });
    return { exitCode, ...written };
  };
}

/** A run as it would be read in a terminal, to be compared with what is written down. */
export function transcript(line: string, { exitCode, stdout, stderr }: Ran): string {
  const told = stderr && `--- stderr\n${stderr}`;
  return `$ tollgate ${line}\n${stdout}${told}--- exit code ${exitCode}`;
}

/** Of the same length, so that columns stay where they are; the same id is the same everywhere in one text. */
export function normalized(text: string): string {
  const seen = new Map<string, number>();
  return text
    .replace(/\btg_(live|test)_[0-9A-Za-z]{36}\b/g, 'tg_$1_••••••••••••••••••••••••••••••••••••')
    .replace(/(tg_(?:live|test)_…)[0-9A-Za-z]{4}/g, '$1••••')
    .replace(/("last4": ")[0-9A-Za-z]{4}/g, '$1••••')
    .replace(/\b([a-z]{2,4})_[0-9a-hjkmnp-tv-z]{26}\b/g, (id, prefix: string) => {
      if (!seen.has(id))
        seen.set(id, [...seen.keys()].filter((other) => other.startsWith(`${prefix}_`)).length + 1);
      return `${prefix}_${String(seen.get(id)).padStart(26, '0')}`;
    })
    .replace(
      /\b(cus|sub|si|price|prod|in)_(?!0+\d+\b)([0-9A-Za-z]{14,})\b/g,
      (_, prefix: string, rest: string) => `${prefix}_${'at_stripe'.padStart(rest.length, '_')}`,
    )
    .replace(
      /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g,
      (at) => '2026-01-01T00:00:00.000Z'.slice(0, at.length - 1) + 'Z',
    )
    .replace(/\b20\d\d-\d\d-\d\d\b(?!T)/g, '2026-01-01')
    .replace(/\b\d+ ms before/g, 'N ms before')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
}
