// One child process of `npm start` that is kept alive: started again after an unexpected end, later each
// time, until it has failed too often. Its output goes to a file. Knows nothing of what it runs.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcess } from './processes.ts';

export type ChildOptions = {
  name: string;
  /** Relative to src/. */
  script: string;
  env: Record<string, string>;
  logFolder: string;
  /** With each new process. */
  started: (pid: number) => void;
  /** One line for whoever watches. */
  say: (line: string) => void;
  /** False while it is being started for the first time: then an end is final. */
  mayRestart: () => boolean;
  /** It ended for good. */
  gaveUp: (message: string) => void;
};

export type Child = {
  pid: () => number;
  log: string;
  stop: (how: 'soon' | 'now') => Promise<void>;
};

const source = fileURLToPath(new URL('../', import.meta.url));
const stopWithinMs = 10_000;
const restartsMax = 5;
/** Whoever lived this long has not "failed again". */
const steadyAfterMs = 60_000;

export function startChild(options: ChildOptions): Child {
  const log = path.join(options.logFolder, `${options.name}.log`);
  keepPrevious(log);
  let failures = 0;
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let current = launch();

  function launch(): ChildProcess {
    const startedAt = Date.now();
    const child = spawnScript(options, log);
    if (child.pid) options.started(child.pid);
    child.once('error', (error) =>
      options.gaveUp(`${options.name} cannot start: ${error.message}`),
    );
    child.once('exit', (code, signal) => {
      if (stopping) return;
      failures = Date.now() - startedAt > steadyAfterMs ? 1 : failures + 1;
      again(`${options.name} ended unexpectedly (${signal ?? `code ${code ?? '?'}`})`);
    });
    return child;
  }

  function again(what: string): void {
    const details = `its log is ${log} and ends so:\n${lastLines(log)}`;
    if (failures > restartsMax || !options.mayRestart()) {
      options.gaveUp(`${what}, for good; ${details}`);
      return;
    }
    const waitSeconds = 2 ** (failures - 1);
    options.say(`${what}; starting it again in ${waitSeconds} s; ${details}`);
    timer = setTimeout(() => (current = launch()), waitSeconds * 1_000);
  }

  return {
    pid: () => current.pid ?? 0,
    log,
    async stop(how) {
      stopping = true;
      clearTimeout(timer);
      if (!current.pid || current.exitCode !== null || current.signalCode !== null) return;
      const kill = { signal: 'SIGKILL', waitMs: 2_000 } as const;
      await endProcess(
        current.pid,
        how === 'now' ? [kill] : [{ signal: 'SIGTERM', waitMs: stopWithinMs }, kill],
      );
    },
  };
}

function spawnScript(options: ChildOptions, log: string): ChildProcess {
  const output = openSync(log, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', '--import', new URL('./leave-with-parent.ts', import.meta.url).href],
      path.join(source, options.script),
    ],
    {
      cwd: path.dirname(source),
      env: options.env,
      // A session of its own: Ctrl-C reaches the parent alone, who ends the children in order.
      detached: true,
      stdio: ['ignore', output, output, 'ipc'],
    },
  );
  closeSync(output);
  return child;
}

/** Each start begins a new log; the one before stays readable beside it. */
function keepPrevious(log: string): void {
  try {
    renameSync(log, `${log}.old`);
  } catch {
    // There was none.
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-10).join('\n');
}
