// The page at /: what there is, and the clock and the faults by hand, without JavaScript. It opens
// with the secret key, once; a cookie that no other site can use remembers.
import { createHmac } from 'node:crypto';
import type { Express, Request, Response } from 'express';
import { StripeError } from '../api/error.ts';
import { faultsSchema, readFaults } from '../control/fault.ts';
import { moveClock, putFaults, sendEvent, type ControlParts } from '../control/route.ts';
import { settingsSchema, writeSettings } from '../control/setting.ts';
import { nowOn } from '../world.ts';
import { sendWide } from './html.ts';
import { failures, home, live, signIn } from './home-view.ts';
import { fieldsOf, isSame } from './page.ts';

type HomeParts = ControlParts & { secretKey: string };
type Fields = Record<string, string>;
type Deed = (parts: HomeParts, fields: Fields) => void | Promise<void>;

const cookieName = 'sandbox';
const refreshSeconds = 2;

export const mountHome = (app: Express, parts: HomeParts): void => {
  const { world, secretKey } = parts;
  const token = createHmac('sha256', secretKey).update('the page at /').digest('hex');
  const isOpen = (request: Request): boolean => isSame(cookieOf(request), token);
  app.get('/', (request, response) => {
    sendWide(response, 'Sandbox', isOpen(request) ? home(world, null) : signIn(null));
  });
  app.get('/live', (request, response) => {
    const body = isOpen(request) ? live(world) : '';
    sendWide(response, 'Sandbox, live', body, { refreshSeconds });
  });
  app.post('/', async (request, response) => {
    const fields = fieldsOf(request);
    const { deed } = fields;
    if (isFromElsewhere(request)) refuse(response, 'This form came from another site.');
    else if (deed === 'sign_in' && isSame(fields['key'] ?? '', secretKey))
      remember(response, token);
    else if (deed === 'sign_in') refuse(response, 'That is not the key.');
    else if (!isOpen(request)) refuse(response, null);
    else if (deed === 'sign_out') remember(response, '');
    else {
      const message = await attempt(parts, fields);
      if (message === null) response.redirect(303, '/');
      else sendWide(response.status(400), 'Sandbox', home(world, message));
    }
  });
};

const cookieOf = (request: Request): string =>
  new RegExp(`(?:^|; )${cookieName}=([0-9a-f]+)`).exec(request.headers.cookie ?? '')?.[1] ?? '';

/** A strict cookie is still sent between ports of one host, so browsers' own word counts too. */
const isFromElsewhere = (request: Request): boolean => {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const origin = request.get('origin');
  return origin !== undefined && origin !== `http://${request.get('host') ?? ''}`;
};

const refuse = (response: Response, message: string | null): void =>
  sendWide(response.status(403), 'Sandbox', signIn(message));

const remember = (response: Response, token: string): void => {
  const life = token === '' ? '; Max-Age=0' : '';
  response.set('Set-Cookie', `${cookieName}=${token}; Path=/; HttpOnly; SameSite=Strict${life}`);
  response.redirect(303, '/');
};

const attempt = async (parts: HomeParts, fields: Fields): Promise<string | null> => {
  const deed = fields['seconds'] === undefined ? deeds.get(fields['deed'] ?? '') : jump;
  if (deed === undefined) return 'Nothing was chosen.';
  try {
    await deed(parts, fields);
    return null;
  } catch (error) {
    if (error instanceof StripeError) return error.body.message;
    throw error;
  }
};

const wrong = (message: string): StripeError =>
  new StripeError(400, { type: 'invalid_request_error', message });

const jump: Deed = (parts, { seconds = '' }) => {
  if (!/^\d{1,9}$/.test(seconds)) throw wrong('The clock moves by whole seconds.');
  moveClock(parts, nowOn(parts.world, null) + Number(seconds));
};

/** What the fields say, as the schema of the control behind them reads it. */
const byHand: Record<string, Deed> = {
  move: (parts, { to = '' }) => {
    const at = Math.floor(Date.parse(`${to}Z`) / 1000);
    if (!Number.isSafeInteger(at) || at > 2 ** 33) throw wrong('This is no instant.');
    moveClock(parts, at);
  },
  webhooks: (parts, { mode, duplicate, delay_ms: delay, shuffle }) =>
    setFaults(parts, {
      ...readFaults(parts.world),
      webhooks: {
        mode,
        duplicate: Number(duplicate),
        delay_ms: Number(delay),
        shuffle: shuffle !== undefined,
      },
    }),
  failure: (parts, { match, what = '', times }) => {
    const faults = readFaults(parts.world);
    if (!failures.includes(what)) throw wrong('There is no such failure.');
    const [kind, value] = what.split(' ');
    const fault =
      kind === 'status'
        ? { status: Number(value) }
        : kind === 'reset'
          ? { reset: value }
          : { hang_ms: Number(value) * 1000 };
    const added = { match, ...fault, ...(times === '' ? {} : { times: Number(times) }) };
    setFaults(parts, { ...faults, api: [...faults.api, added] });
  },
  clear_failures: (parts) => setFaults(parts, { ...readFaults(parts.world), api: [] }),
  settings: ({ world }, { count, days, after }) => {
    const asked = { retries: { count: Number(count), days: Number(days) }, after_retries: after };
    const read = settingsSchema.safeParse(asked);
    if (!read.success) throw wrong(read.error.issues[0]?.message ?? 'These are no settings.');
    world.store.transaction(() => writeSettings(world, read.data));
  },
  send: async ({ world, sender }, { event = '' }) => {
    await sendEvent(world, sender(), event);
  },
};
const deeds = new Map(Object.entries(byHand));

const setFaults = ({ world, sender }: HomeParts, asked: object): void => {
  const read = faultsSchema.safeParse(asked);
  if (!read.success) throw wrong(read.error.issues[0]?.message ?? 'These are no faults.');
  sender().release(putFaults(world, read.data));
};
