// The sandbox's own controls under /_sandbox: JSON in, JSON out, behind the secret key.
import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import { find } from '../api/endpoint.ts';
import { StripeError } from '../api/error.ts';
import { actOnSession } from '../billing/checkout.ts';
import { queueDelivery } from '../delivery/event.ts';
import type { Sender } from '../delivery/sender.ts';
import { advanceAccount, type Engine } from '../engine/clock.ts';
import { finish } from '../pages/invoice.ts';
import { accountClock, nowOn, type World } from '../world.ts';
import { faultsSchema, readFaults, writeFaults, type Faults } from './fault.ts';
import { readSettings, settingsSchema, writeSettings } from './setting.ts';

export type ControlParts = {
  world: World;
  engine: () => Engine;
  sender: () => Sender;
  committed: () => void;
  reset: () => void;
};

const secondsMax = 2 ** 33;
const clockBody = z.strictObject({
  now: z.union([
    z.int().min(0).max(secondsMax),
    z.iso.datetime({ offset: true }).transform((text) => Math.floor(Date.parse(text) / 1000)),
  ]),
});

export const mountControls = (app: Express, parts: ControlParts): void => {
  const router = express.Router();
  mountClock(router, parts);
  mountSettings(router, parts);
  mountDeliveries(router, parts);
  mountPeople(router, parts);
  router.get('/unknown', (_request, response) => {
    const data = [...parts.world.store.all('unknown_call')].map(({ method, path, count }) => ({
      method,
      path,
      count,
    }));
    response.json({ data });
  });
  router.post('/reset', (_request, response) => {
    parts.reset();
    response.json({ reset: true });
  });
  app.use('/_sandbox', router);
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
};

/** The JSON body as the schema reads it, or a 400 that says what is wrong. */
export const readBody = <S extends z.ZodType>(schema: S, request: Request): z.output<S> => {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    throw bad('The body is not JSON.');
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw bad(`Invalid ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`);
};

const bad = (message: string): StripeError =>
  new StripeError(400, { type: 'invalid_request_error', message });

const showClock = (world: World) => ({
  now: new Date(nowOn(world, null) * 1000).toISOString().replace('.000Z', 'Z'),
  status: accountClock(world).target === null ? 'ready' : 'advancing',
});

const mountClock = (router: express.Router, { world, engine, committed }: Moved): void => {
  router.get('/clock', (_request, response) => {
    response.json(showClock(world));
  });
  router.post('/clock', (request, response) => {
    moveClock({ world, engine, committed }, readBody(clockBody, request).now);
    response.status(202).json(showClock(world));
  });
};

type Moved = Pick<ControlParts, 'world' | 'engine' | 'committed'>;

/** Sends the account clock on its way; it only goes forward. */
export const moveClock = ({ world, engine, committed }: Moved, now: number): void => {
  const reached = accountClock(world).target ?? nowOn(world, null);
  if (now < reached)
    throw bad(`The clock only moves forward: it says ${new Date(reached * 1000).toISOString()}.`);
  world.store.transaction(() => advanceAccount(world, now));
  engine().run(null);
  committed();
};

const checkoutBody = z.strictObject({
  outcome: z.enum(['paid', 'declined', 'requires_action', 'processing', 'abandon']),
  payment_method: z.string().min(1).max(200).optional(),
  promotion_code: z.string().min(1).max(200).optional(),
});
const authenticationBody = z.strictObject({ outcome: z.enum(['succeeded', 'failed']) });

/** What people do on the pages, for programs. */
const mountPeople = (router: express.Router, { world, committed }: ControlParts): void => {
  const does = (response: Response, work: () => string): void => {
    world.request = { id: null, idempotency_key: null };
    try {
      const redirect_url = world.store.transaction(
        work,
        (error) => error instanceof StripeError && error.keeps,
      );
      response.json({ redirect_url });
    } finally {
      committed();
    }
  };
  router.post('/checkout/:id', (request, response) => {
    const asked = readBody(checkoutBody, request);
    const session = find(world, 'checkout.session', request.params.id);
    try {
      does(response, () =>
        actOnSession(world, session, asked.outcome, {
          method: asked.payment_method,
          promotion: asked.promotion_code,
        }),
      );
    } catch (error) {
      if (asked.outcome !== 'declined' || !(error instanceof StripeError) || error.status !== 402)
        throw error;
      response.json({ redirect_url: session.url });
    }
  });
  router.post('/payment_intents/:id', (request, response) => {
    const { outcome } = readBody(authenticationBody, request);
    const intent = find(world, 'payment_intent', request.params.id);
    does(response, () => finish(world, intent, outcome === 'succeeded'));
  });
};

const mountSettings = (router: express.Router, { world, sender }: ControlParts): void => {
  router.get('/settings', (_request, response) => {
    response.json(readSettings(world));
  });
  router.put('/settings', (request, response) => {
    const settings = readBody(settingsSchema, request);
    world.store.transaction(() => writeSettings(world, settings));
    response.json(settings);
  });
  router.get('/faults', (_request, response) => {
    response.json(readFaults(world));
  });
  router.put('/faults', (request, response) => {
    const faults = readBody(faultsSchema, request);
    sender().release(putFaults(world, faults));
    response.json(faults);
  });
};

/**
 * `hold` keeps back what was not sent yet; leaving it releases what was held, in the order in which
 * it happened. Answers what is to be sent now.
 */
export const putFaults = (world: World, faults: Faults): string[] =>
  world.store.transaction(() => {
    writeFaults(world, faults);
    const { mode, delay_ms } = faults.webhooks;
    const next_at = world.machineNow() + delay_ms;
    const rows = [...world.store.all('delivery')];
    if (mode === 'hold') {
      for (const row of rows)
        if (row.status === 'pending') world.store.update('delivery', row.id, { status: 'held' });
      return [];
    }
    const status = mode === 'drop' ? 'dropped' : 'pending';
    return rows
      .filter((row) => row.status === 'held')
      .map((row) => world.store.update('delivery', row.id, { status, next_at }).id);
  });

const mountDeliveries = (router: express.Router, { world, sender }: ControlParts): void => {
  router.get('/deliveries', (request, response) => {
    const rows = [...world.store.all('delivery')];
    const outstanding = rows.filter(
      (row) => row.status === 'pending' || row.status === 'held',
    ).length;
    const limit = Number(request.query['limit'] ?? rows.length);
    const shown =
      Number.isInteger(limit) && limit >= 0
        ? rows.slice(rows.length - Math.min(limit, rows.length))
        : rows;
    const data = shown.map(({ id, event_id, type, status, attempts, last_status }) => ({
      id,
      event_id,
      type,
      status,
      attempts,
      last_status,
    }));
    response.json({ data, outstanding });
  });
  router.post('/deliveries/:event', async (request: Request, response: Response) => {
    response.json({ data: await sendEvent(world, sender(), String(request.params['event'])) });
  });
};

/** Sends an event to every endpoint at once, in any mode; what each answered. */
export const sendEvent = async (world: World, sender: Sender, id: string) => {
  const event = find(world, 'event', id);
  const endpoints = [...world.store.all('webhook_endpoint')].filter(
    (row) => row.status === 'enabled',
  );
  const rows = world.store.transaction(() =>
    endpoints.map((row) => deliveryFor(world, event.id, row.id)),
  );
  const sent = await Promise.all(rows.map((row) => sender.sendNow(row)));
  return rows.map((row, i) => ({ id: row.id, event_id: id, last_status: sent[i] ?? null }));
};

/** The event's delivery to this endpoint; a new one where it was sent or never queued. */
const deliveryFor = (world: World, event: string, endpoint: string) => {
  const open = [...world.store.all('delivery')].find(
    (row) => row.event_id === event && row.endpoint === endpoint && row.status !== 'delivered',
  );
  const row = open ?? queueDelivery(world, world.store.need('event', event), endpoint);
  return world.store.update('delivery', row.id, { status: 'pending' });
};
