// One process per data folder: a socket in the folder that its owner listens on. The kernel closes
// it with the process, so kill -9 leaves nothing that blocks: a socket nobody answers is taken over.
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The folder belongs to another living process. */
export class FolderTaken extends Error {}

/** A socket's address may be no longer than this on some systems (unix(7): 108, macOS: 104). */
const addressMax = 100;

/** Takes the folder for this process, or throws `FolderTaken`; answers how to let it go. */
export const lockFolder = async (folder: string): Promise<() => void> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const address = addressOf(resolve(folder));
  const server = (await listen(address)) ?? (await takeOver(address));
  if (server === null) throw new FolderTaken(`another sandbox runs on ${folder}`);
  server.unref();
  return () => void server.close();
};

const addressOf = (folder: string): string => {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  if (process.platform === 'win32') return `\\\\.\\pipe\\tollgate-sandbox-${name}`;
  const inside = join(folder, 'lock');
  return inside.length <= addressMax ? inside : join(tmpdir(), `tollgate-${name}.lock`);
};

const listen = (address: string): Promise<Server | null> =>
  new Promise((done, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(null);
      else reject(error);
    });
    server.listen(address, () => done(server));
  });

/**
 * What a dead process left is moved aside and judged there, so that of several who come at once
 * nobody removes the socket that another has just begun to listen on.
 */
const takeOver = async (address: string): Promise<Server | null> => {
  if (await answers(address)) return null;
  const aside = `${address}.${process.pid}`;
  try {
    renameSync(address, aside);
  } catch {
    return listen(address);
  }
  if (await answers(aside)) {
    renameSync(aside, address);
    return null;
  }
  rmSync(aside, { force: true });
  return listen(address);
};

const answers = (address: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
