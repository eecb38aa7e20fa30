// Files that a command line names: read whole, up to a size. `-` is stdin.
import { createReadStream } from 'node:fs';
import { CliError } from './error.ts';
import { readStream } from './stream.ts';
import type { Terminal } from './terminal.ts';
import { clean } from './terminal.ts';
import type { YamlFault } from './yaml.ts';
import { describeFault } from './yaml.ts';

const faults: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
};

/** The text of a file; throws `CliError`, also where it is larger than what a file of ours may be. */
export async function readTextFile(file: string, terminal: Terminal): Promise<string> {
  if (file === '-') return terminal.readStdin();
  try {
    return await readStream(createReadStream(file) as AsyncIterable<Buffer>, file);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new CliError(`${file} cannot be read: ${faults[code] ?? code}.`);
  }
}

/** All that is wrong with a file, a line each. */
export function badFile(file: string, faults: YamlFault[]): CliError {
  const lines = faults.map((fault) => `  ${clean(describeFault(file, fault))}`);
  return new CliError([`${file} is not valid:`, ...lines].join('\n'));
}
