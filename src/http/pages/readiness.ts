// Whether this process should get calls. It stays ready while checks can be answered from memory: taking it
// out because PostgreSQL is away would take away what still works.
import type { Context } from '../../context.ts';
import type { AppState } from './mount.ts';

const databaseTimeoutMs = 1_000;

export async function readiness(ctx: Context, state: AppState) {
  const isReady = state.isLoaded?.() ?? true;
  const isHearing = ctx.notify.hearing();
  const database = await reachesDatabase(ctx);
  const lastHeardMs = ctx.notify.lastHeardMs();
  return {
    status: isReady ? 200 : 503,
    body: {
      status: isReady ? 'ready' : 'not_ready',
      degraded: !database || !isHearing,
      database: database ? 'reachable' : 'away',
      facts: isHearing ? 'current' : 'stale',
      data_as_of:
        lastHeardMs > 0 ? new Date(isHearing ? Date.now() : lastHeardMs).toISOString() : null,
    },
  };
}

async function reachesDatabase(ctx: Context): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), databaseTimeoutMs);
  });
  const asked = ctx.pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
