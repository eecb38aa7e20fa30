// The PostgreSQL of `npm start`, looked after: started again when it ends without being asked to. Those that
// use it find it where it was.
import { startPostgres } from './postgres.ts';
import { isAlive } from './processes.ts';

export type KeptPostgres = {
  url: string;
  folder: string;
  pid: () => number;
  stop: (how: 'soon' | 'now') => Promise<void>;
};

export type KeptPostgresOptions = {
  dataDir: string;
  password: string;
  say: (line: string) => void;
  restarted: () => void;
  gaveUp: (message: string) => void;
};

const lookEveryMs = 1_000;
const restartsMax = 5;

export async function keepPostgres(options: KeptPostgresOptions): Promise<KeptPostgres> {
  const { dataDir, password } = options;
  let server = await startPostgres({ dataDir, password });
  let restarting: Promise<void> | null = null;
  let restarts = 0;
  const timer = setInterval(() => {
    if (!restarting && !isAlive(server.pid)) restarting = restart();
  }, lookEveryMs);

  async function restart(): Promise<void> {
    restarts += 1;
    try {
      if (restarts > restartsMax) throw new Error('PostgreSQL ended unexpectedly too often');
      options.say('PostgreSQL ended unexpectedly; starting it again');
      const next = await startPostgres({ dataDir, password });
      const isElsewhere = next.url !== server.url;
      server = next;
      if (isElsewhere) throw new Error('the port of PostgreSQL was taken while it was away');
      restarting = null;
      options.restarted();
    } catch (error) {
      clearInterval(timer);
      options.gaveUp((error as Error).message);
    }
  }

  return {
    url: server.url,
    folder: server.folder,
    pid: () => server.pid,
    async stop(how: 'soon' | 'now') {
      clearInterval(timer);
      await restarting;
      await server.stop(how);
    },
  };
}
