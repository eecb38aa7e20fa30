// Everything an action may use, opened in order and closed in reverse. The only place where adapters meet
// configuration; decides nothing.
import { createClock } from './adapters/clock.ts';
import { createLog } from './adapters/log.ts';
import { createMailer } from './adapters/mailer.ts';
import { createNotify } from './adapters/notify.ts';
import { createDb, createPool } from './adapters/postgres.ts';
import { createQueue } from './adapters/queue.ts';
import { createStripe } from './adapters/stripe.ts';
import { loadTemplates } from './adapters/template.ts';
import { createWebhookSender } from './adapters/webhook-sender.ts';
import type { Config } from './config.ts';
import type { DeclaredJob } from './domain/job.ts';

export type Context = Awaited<ReturnType<typeof createContext>>;

/** `service` names the process in logs; `jobs` is what operators are told of, and what a worker schedules. */
export async function createContext(
  config: Config,
  service: 'api' | 'worker' | 'test' = 'api',
  jobs: DeclaredJob[] = [],
) {
  const templates = loadTemplates(config.mailTemplates ?? null);
  const log = createLog({ level: config.logLevel, service });
  const pool = createPool({ url: config.databaseUrl, name: `tollgate-${service}`, max: 8 });
  const db = createDb(config.databaseUrl, 10);
  const clock = await createClock(pool, config.clock === 'movable');
  const notify = createNotify({ url: config.databaseDirectUrl, log });
  notify.listen({
    changed: (kind) => {
      if (kind === 'clock') refreshClock();
    },
    resumed: refreshClock,
  });
  await notify.start();
  const queue = createQueue({ url: config.databaseDirectUrl, redisUrl: config.redisUrl, log });
  const stripe = createStripe(config);
  const mailer = config.smtpUrl
    ? createMailer({ url: config.smtpUrl, from: config.mailFrom })
    : null;

  function refreshClock(): void {
    clock.refresh().catch((error: unknown) => log.warn({ err: error }, 'clock not re-read'));
  }

  return {
    config,
    log,
    pool,
    db,
    clock,
    notify,
    queue,
    jobs,
    stripe,
    /** Null where no mail server is configured. */
    mailer,
    templates,
    webhooks: createWebhookSender({ allowPrivate: config.webhookAllowPrivate }),
    /** Business time, as an instant. */
    now: () => new Date(clock.nowMs()),
    async close(): Promise<void> {
      await queue.close();
      mailer?.close();
      await notify.close();
      await db.$disconnect();
      await pool.end();
    },
  };
}
