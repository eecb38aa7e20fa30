// Sessions of the meter event stream: a token that may send usage for fifteen minutes and nothing
// else (https://docs.stripe.com/api/v2/billing/meter-event-stream).
import { newId, nowOn, randomText, readFact, writeFact, type World } from '../world.ts';

export const streamPath = '/v2/billing/meter_event_stream';
export const meterTokenPrefix = 'mes_test_';
const lifeSeconds = 900;

type Tokens = Record<string, { expires_at: number }>;

const tokens = (world: World): Tokens => readFact<Tokens>(world, 'meter_tokens', {});
/** Tokens live on machine time, as secrets do. */
const machineSeconds = (world: World): number => Math.floor(world.machineNow() / 1000);

export const isMeterToken = (world: World, given: string): boolean => {
  const held = tokens(world);
  return Object.hasOwn(held, given) && held[given]!.expires_at > machineSeconds(world);
};

/** A new session; what has run out is forgotten on the way. */
export const openMeterSession = (world: World): Record<string, unknown> => {
  const now = machineSeconds(world);
  const expires_at = now + lifeSeconds;
  const token = `${meterTokenPrefix}${randomText(40)}`;
  const living = Object.entries(tokens(world)).filter(([, held]) => held.expires_at > now);
  writeFact(world, 'meter_tokens', { ...Object.fromEntries(living), [token]: { expires_at } });
  return {
    id: newId('mes_test', 26),
    object: 'v2.billing.meter_event_session',
    authentication_token: token,
    created: asInstant(nowOn(world, null)),
    expires_at: asInstant(expires_at),
    livemode: false,
  };
};

/** As the v2 API writes time. */
export const asInstant = (seconds: number): string => new Date(seconds * 1000).toISOString();
