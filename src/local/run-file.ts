// One run at a time per data folder: the run file names the process that holds it and what it started, so
// that the next start can end what a killed one left. Only processes that are provably the same are ended.
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';
import { endProcess, isSameProcess, markOf } from './processes.ts';
import type { ProcessMark } from './processes.ts';

const markSchema = z.object({ pid: z.number().int().positive(), started: z.string() });
const schema = z.object({
  holder: markSchema,
  /** The npm that runs the holder, if any: without it nobody can end the holder by Ctrl-C any more. */
  guardian: markSchema.nullable(),
  children: z.record(z.string(), markSchema),
});
type Run = z.output<typeof schema>;

export type RunFile = {
  /** Remembers a child from now on; one of the same name takes the other's place. */
  remember: (name: string, pid: number) => void;
  release: () => void;
};

/**
 * Takes the data folder for this process, or returns null where another one that lives holds it. A holder
 * whose npm was killed is a leftover like its children.
 */
export async function takeRunFile(
  dataDir: string,
  guardian: number | null,
): Promise<RunFile | null> {
  const file = path.join(dataDir, 'run.json');
  const run: Run = {
    holder: ownMark(),
    guardian: guardian ? markOf(guardian) : null,
    children: {},
  };
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (createExclusively(file, run)) return runFile(file, run);
    const other = readPrivateJson(file, schema);
    if (!other) continue;
    const isOrphan = other.guardian !== null && !isSameProcess(other.guardian);
    if (isSameProcess(other.holder) && !isOrphan) return null;
    // The holder first: it ends its children in order and would start a killed one again.
    await endIfSame(other.holder, 15_000);
    await Promise.all(Object.values(other.children).map((child) => endIfSame(child, 3_000)));
    discard(file, other);
  }
  return null;
}

function runFile(file: string, run: Run): RunFile {
  return {
    remember(name, pid) {
      const mark = markOf(pid);
      if (!mark) return;
      run.children[name] = mark;
      writePrivateJson(file, run);
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** A link, unlike a rename, fails where the name is taken, and shows the file whole. */
function createExclusively(file: string, run: Run): boolean {
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, JSON.stringify(run), { mode: 0o600 });
  try {
    linkSync(beside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Moves the stale file away before removing it: of two starts that found it, one takes the other's new file not. */
function discard(file: string, stale: Run): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = readPrivateJson(aside, schema);
  const isStale =
    moved?.holder.pid === stale.holder.pid && moved.holder.started === stale.holder.started;
  if (!isStale) renameSync(aside, file);
  rmSync(aside, { force: true });
}

async function endIfSame(mark: ProcessMark, waitMs: number): Promise<void> {
  if (!isSameProcess(mark)) return;
  await endProcess(mark.pid, [
    { signal: 'SIGTERM', waitMs },
    { signal: 'SIGKILL', waitMs: 3_000 },
  ]);
}

function ownMark(): ProcessMark {
  const mark = markOf(process.pid);
  if (!mark) throw new Error('this machine does not tell when a process started');
  return mark;
}
