// The state on disk: a snapshot and, after it, one line per committed transaction, written before
// the answer leaves, so that a killed process loses nothing it acknowledged. Never reads at run time.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Change } from './store.ts';

const snapshotLineRows = 500;

/** All changes kept in the folder, oldest first; a last line that was cut off is left out. */
export function* readJournal(folder: string): Generator<Change> {
  for (const name of ['snapshot.jsonl', 'journal.jsonl']) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    for (const line of linesOf(path)) {
      const changes = parse(line);
      if (changes === null) return;
      yield* changes;
    }
  }
}

/** Writes the snapshot atomically and starts an empty journal after it. */
export const openJournal = (folder: string, everything: Iterable<Change>) => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, 'snapshot.tmp');
  const snapshot = openSync(temporary, 'w', 0o600);
  let batch: Change[] = [];
  const flush = (): void => {
    if (batch.length > 0) writeSync(snapshot, `${JSON.stringify(batch)}\n`);
    batch = [];
  };
  for (const change of everything) {
    batch.push(change);
    if (batch.length >= snapshotLineRows) flush();
  }
  flush();
  fsyncSync(snapshot);
  closeSync(snapshot);
  renameSync(temporary, join(folder, 'snapshot.jsonl'));
  const journal = openSync(join(folder, 'journal.jsonl'), 'w', 0o600);
  return {
    append: (changes: Change[]): void => {
      writeAll(journal, `${JSON.stringify(changes)}\n`);
    },
    close: (): void => closeSync(journal),
  };
};

/** writeSync may write a part only; a torn line in the middle would lose what follows it. */
const writeAll = (file: number, text: string): void => {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
};

const parse = (line: string): Change[] | null => {
  try {
    return JSON.parse(line) as Change[];
  } catch {
    return null;
  }
};

/** Buffers, not one string: a long journal may be larger than the longest string. */
function* linesOf(path: string): Generator<string> {
  const bytes = readFileSync(path);
  let from = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
    if (end > from) yield bytes.toString('utf8', from, end);
    from = end + 1;
  }
}
