// Starts a server of the bench as a process of its own and reads what it costs from /proc.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ticksPerSecond = 100;

export type Running = { url: string; child: ChildProcess };

export async function start(name: string, env: Record<string, string>): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL(`./server/${name}.ts`, import.meta.url))],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ${name} ended with ${code} before it listened`);
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), died])) as [Buffer];
  // It may end now: nobody asks this promise any more.
  died.catch(() => undefined);
  return { url: line.toString().trim(), child };
}

export async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** CPU seconds the process has used so far (Linux; elsewhere null). */
export function cpuSeconds({ child }: Running): number | null {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return null;
  }
}

/** Resident memory in MiB (Linux; elsewhere null). */
export function residentMiB({ child }: Running): number | null {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
    return line ? Math.round(Number(line[1]) / 1024) : null;
  } catch {
    return null;
  }
}
