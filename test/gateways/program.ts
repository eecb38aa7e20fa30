// Starts a gateway program on a recipe of deploy/gateways: the shipped files, with addresses, folders and the token
// put in, in a folder of its own. Changes nothing else of a recipe, and refuses one that lacks what it means to change.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePort } from '../../src/local/free-port.ts';
import { until } from '../support/until.ts';

/** As shipped, with a decision cache, and letting calls through while Tollgate is silent. */
export type Variant = 'closed' | 'cached' | 'open';
/** Calls that run beside each other share what is kept; connections to Tollgate are kept. */
export type Ability = 'shared decisions' | 'kept connections';
export type Place = { tollgatePort: number; apiPort: number; token: string };
export type Running = { url: string; stop: () => Promise<void> };
export type Program = {
  name: string;
  /** How to have it where it is missing. */
  install: string;
  isInstalled: () => boolean;
  variants: Variant[];
  abilities: Ability[];
  start: (variant: Variant, place: Place) => Promise<Running>;
};
export type Change = [from: string, to: string];

const recipes = fileURLToPath(new URL('../../deploy/gateways/', import.meta.url));

/** Debian keeps servers in sbin, which is not on everybody's path. */
export function findExecutable(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  return found ?? null;
}

/** A shipped file with its changes made; each must be there to be made. */
export async function recipe(file: string, changes: Change[]): Promise<string> {
  let text = await readFile(path.join(recipes, file), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} does not say ${JSON.stringify(from)}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** A folder that a server's unprivileged workers can read too. */
export async function makeFolder(name: string, parent = os.tmpdir()) {
  const folder = await mkdtemp(path.join(parent, `tollgate-${name}-`));
  await chmod(folder, 0o755);
  return {
    path: folder,
    async write(file: string, text: string) {
      const target = path.join(folder, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, text);
      return target;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs a server in the foreground until `stop`; ready once its port takes connections. */
export async function run(options: {
  command: string;
  args: string[];
  port: number;
  env?: Record<string, string>;
  remove: () => Promise<void>;
}): Promise<Running> {
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
  });
  let said = '';
  const listen = (chunk: Buffer) => void (said = (said + chunk.toString()).slice(-4_000));
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(force);
    }
    await options.remove();
  };
  try {
    await until(`${options.command} listens`, async () => {
      if (child.exitCode !== null) return true;
      return isListening(options.port);
    });
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
  } catch (error) {
    await stop();
    throw new Error(`${options.command}: ${String(error)}\n${said}`);
  }
  return { url: `http://127.0.0.1:${options.port}`, stop };
}

export const freePort = () => choosePort(null);

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
