// What the machine knows about a process, and ending one surely. A pid alone proves nothing, since the
// machine gives it out again: whoever ends a process checks its start time or command first. Starts none.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Enough to recognise a process later: the pid, and when the machine says it started. */
export type ProcessMark = { pid: number; started: string };

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return stateOf(pid) !== 'Z';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Null when there is no such process. */
export function markOf(pid: number): ProcessMark | null {
  // Field 22 of /proc/pid/stat is the start in clock ticks since boot (proc_pid_stat(5)).
  const started = statFields(pid)?.[19] ?? ps(pid, 'lstart');
  return started ? { pid, started } : null;
}

export function isSameProcess(mark: ProcessMark): boolean {
  return isAlive(mark.pid) && markOf(mark.pid)?.started === mark.started;
}

/** The command with its arguments, or an empty text. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ps(pid, 'command');
  }
}

/** Sends each signal in turn and waits; true as soon as the process is gone. */
export async function endProcess(
  pid: number,
  steps: readonly { signal: NodeJS.Signals; waitMs: number }[],
): Promise<boolean> {
  for (const { signal, waitMs } of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      return true;
    }
    if (await holdsWithin(waitMs, () => !isAlive(pid))) return true;
  }
  return !isAlive(pid);
}

/** Asks again and again until `holds` or the time is over. */
export async function holdsWithin(
  limitMs: number,
  holds: () => boolean | Promise<boolean>,
  everyMs = 20,
): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The fields after the command's closing bracket: the first is the state, field 3 of the file. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function stateOf(pid: number): string {
  return statFields(pid)?.[0] ?? ps(pid, 'state').slice(0, 1);
}

/** Machines without /proc have `ps`. */
function ps(pid: number, field: string): string {
  if (process.platform === 'linux' || process.platform === 'win32') return '';
  const run = spawnSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' });
  return run.stdout.trim();
}
