// A process that dies at a chosen point: a context and a server of its own, whose every way out (each statement to
// PostgreSQL, each call to Stripe) passes through here. At the point it is cut off from both, in the midst of
// whatever it does; nothing it does afterwards reaches anybody.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createContext } from '../../src/context.ts';
import type { Context } from '../../src/context.ts';
import { createApp } from '../../src/http/app.ts';
import { createApi } from '../support/api.ts';
import type { Api } from '../support/api.ts';
import type { Billing } from '../support/billing.ts';
import { openPostgresProxy } from '../support/postgres-proxy.ts';
import { openStripeProxy } from '../support/stripe-proxy.ts';

/**
 * Where it dies: at the nth call, `before` it goes out or `after` it took effect and before the answer is heard; or
 * after the nth call that changes anything. Between two of those the world outside is the same.
 */
export type Point = { at: 'before' | 'after' | 'effect'; nth: number };
export type Victim = {
  ctx: Context;
  api: Api;
  /** The call during which it died, or null while it lives. */
  death: () => string | null;
  close: () => Promise<void>;
};

export async function startVictim(billing: Billing, point: Point): Promise<Victim> {
  const { config } = billing.ctx;
  const fate = decideFate(point);
  const postgres = await openPostgresProxy(config.databaseUrl, {
    before: ({ sql }) => fate.before(nameOf(sql)),
    after: ({ sql, isSettled }) => fate.after(nameOf(sql), isSettled && !isRead(sql)),
  });
  const stripe = await openStripeProxy(billing.sandbox, {
    before: ({ method, path }) => fate.before(`${method} ${path}`),
    after: ({ method, path }) => fate.after(`${method} ${path}`, method !== 'GET'),
  });
  fate.onDeath(() => postgres.cut());
  const own = await createContext({ ...config, databaseUrl: postgres.url }, 'test');
  const queue = { ...own.queue, wake: async () => undefined };
  const ctx: Context = { ...own, stripe: stripe.stripe, queue };
  const server = createServer(createApp(ctx));
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fate.onDeath(() => server.closeAllConnections());
  fate.begin();
  return {
    ctx,
    api: createApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    death: fate.death,
    async close() {
      server.closeAllConnections();
      server.close();
      await postgres.close();
      await stripe.close();
      await own.close();
    },
  };
}

function decideFate({ at, nth }: Point) {
  const count = { before: 0, after: 0, effect: 0 };
  const ends: (() => void)[] = [];
  let hasBegun = false;
  let died: string | null = null;
  const die = (name: string): 'cut' => {
    died ??= name;
    for (const end of ends) end();
    return 'cut';
  };
  const pass = (what: Point['at'], name: string): undefined | 'cut' => {
    if (died !== null) return 'cut';
    if (!hasBegun) return undefined;
    count[what] += 1;
    return what === at && count[what] === nth ? die(`${what} ${name}`) : undefined;
  };
  return {
    begin: () => void (hasBegun = true),
    onDeath: (end: () => void) => void ends.push(end),
    death: () => died,
    before: (name: string) => pass('before', name),
    after: (name: string, isEffect: boolean) =>
      pass('after', name) ?? (isEffect ? pass('effect', name) : undefined),
  };
}

/** `nextval` leaves a gap behind and nothing else. */
function isRead(sql: string): boolean {
  return /^\s*(select|begin|set|show|rollback|deallocate)\b/i.test(sql);
}

function nameOf(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ').trim().slice(0, 90);
}
