// What the middleware of all frameworks share: what to ask for a request, how a denial leaves, and holding units
// around a handler so that only success is charged. Knows no framework.
import type { Tollgate } from './client.ts';
import type { Call, Credential, Decision } from './types.ts';

export type GuardOptions = {
  /** The feature these routes need; without it the route policies decide by method and path. */
  feature?: string;
  /** Units of it; 1 unless named. */
  cost?: number;
};

export type ChargeOptions = {
  feature: string;
  /** Units held before the handler runs, and charged after it unless it names other ones. */
  units: number;
  /** Seconds after which held units are free by themselves. Default 60. */
  expiresIn?: number;
  /** Whose units; the caller's key unless this says which customer's. */
  customerId?: string;
};

/** In a handler that is charged: what it really used, and what becomes of it afterwards. */
export type Charge = {
  /** The units to charge instead of those that were held; the last call counts. */
  use(units: number): void;
};
/** Settles where the handler succeeded, gives back where it did not. Never throws; call it once. */
export type EndCharge = (succeeded: boolean) => Promise<void>;

export type Incoming = Credential & { method: string; uri: string };

/** Of headers as Node hands them over; a repeated one is joined with a comma, which no key has: the service refuses it. */
export function credentialOf(headers: Record<string, string | string[] | undefined>): Credential {
  const joined = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return { apiKey: joined('x-api-key'), authorization: joined('authorization') };
}

export function callOf({ method, uri, ...credential }: Incoming, options: GuardOptions): Call {
  const { feature, cost } = options;
  if (feature === undefined) return { ...credential, method, uri };
  return { ...credential, feature, ...(cost === undefined ? {} : { cost }) };
}

/** Either the decision that refuses, or the charge that goes with the handler. */
export async function beginCharge(
  tollgate: Tollgate,
  incoming: Credential,
  options: ChargeOptions,
): Promise<
  { denied: Decision; charge: null; end: null } | { denied: null; charge: Charge; end: EndCharge }
> {
  const { feature, units, expiresIn = 60, customerId } = options;
  const apiKey = keyOf(incoming);
  if (customerId === undefined && apiKey === null) {
    // Nobody to hold units for: the service has the words for that.
    const denied = await tollgate.check({ ...incoming, feature, cost: 0 });
    return { denied, charge: null, end: null };
  }
  const owner = customerId === undefined ? { apiKey: apiKey! } : { customerId };
  const reserved = await tollgate.reserve({ ...owner, feature, units, expiresIn });
  if (!reserved.allowed) return { denied: reserved.decision, charge: null, end: null };
  const { id } = reserved.reservation;
  let used = units;
  const end: EndCharge = async (succeeded) => {
    // A reservation that cannot be ended ends by itself: nobody is charged for what we could not tell.
    const ended = succeeded ? tollgate.settle(id, used) : tollgate.release(id);
    await Promise.resolve(ended).catch(tollgate.onError);
  };
  const charge: Charge = { use: (given) => void (used = given) };
  return { denied: null, charge, end };
}

/** As the service reads it: X-API-Key, or else a Bearer that has a key's form. */
function keyOf({ apiKey, authorization }: Credential): string | null {
  if (apiKey) return apiKey;
  return /^Bearer +(tg_(?:live|test)_\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}
