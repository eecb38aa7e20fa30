// Tells APIPark who may call what, and until when: reads customers and entitlements from Tollgate, and makes the
// subscribers of the services named, and the expiry of their keys, what they should be. Run it as often as you like;
// a run that cannot read all of Tollgate changes nothing. Node.js 20, no packages.
import { setTimeout as wait } from 'node:timers/promises';

const withinMs = 10_000;
const pageSize = 100;
const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;

/**
 * One push. `services` names APIPark's service by Tollgate's feature. Answers how much was changed.
 * @param {{tollgate: {url: string, operatorToken: string}, services: Record<string, string>,
 *   apipark: {url: string, user: string, password: string}}} options
 */
export async function push({ tollgate, apipark, services }) {
  const wanted = await readWanted(createTollgate(tollgate), services);
  const park = await logIn(apipark);
  const done = { subscribed: 0, unsubscribed: 0, expiries: 0 };
  // What ends first, so that a key is never let in before its expiry is right.
  for (const { application, until } of wanted.values()) {
    done.expiries += await setExpiry(park, application, until);
  }
  for (const service of Object.values(services)) {
    const { added, removed } = await setSubscribers(park, service, wanted);
    done.subscribed += added;
    done.unsubscribed += removed;
  }
  return done;
}

/** By application: the services it may call, and the second after which its keys are void (0: never). */
async function readWanted(ask, services) {
  const wanted = new Map();
  for await (const { id, metadata } of pages(ask, '/customers')) {
    const application = metadata.apipark_application;
    if (!application) continue;
    if (wanted.has(application))
      throw new Error(`two customers have the application ${application}`);
    const { entitlements, access } = await ask(`/customers/${id}/entitlements`);
    const allowed = entitlements
      .filter(({ allowed }) => allowed)
      .map(({ feature }) => services[feature]);
    const may = new Set(access === 'deny' ? [] : allowed.filter(Boolean));
    const subscriptions = await ask(`/subscriptions?customer_id=${id}`);
    wanted.set(application, { application, may, until: endOf(subscriptions.data, Date.now()) });
  }
  return wanted;
}

/**
 * When what is held ends if nothing more is heard: at `cancel_at`; a day after the period, as in Tollgate's own check;
 * never for a free plan. A late payment is looked at again within the hour.
 */
function endOf(subscriptions, nowMs) {
  const live = subscriptions.find(({ status }) =>
    ['active', 'trialing', 'past_due'].includes(status),
  );
  if (!live) return 0;
  const ends = [];
  if (live.cancel_at) ends.push(Date.parse(live.cancel_at));
  const end = live.status === 'trialing' ? live.trial_end : live.current_period_end;
  if (live.stripe_subscription_id && end) ends.push(Date.parse(end) + dayMs);
  if (live.status === 'past_due') ends.push((Math.floor(nowMs / hourMs) + 2) * hourMs);
  return ends.length ? Math.floor(Math.min(...ends) / 1000) : 0;
}

/** APIPark wants an authorization's whole configuration back where its expiry is changed. */
async function setExpiry(park, application, until) {
  const app = encodeURIComponent(application);
  const { authorizations } = await park('GET', `/api/v1/app/authorizations?app=${app}`);
  const late = (authorizations ?? []).filter(({ expire_time }) => expire_time !== until);
  for (const { id } of late) {
    const path = `/api/v1/app/authorization?app=${app}&authorization=${encodeURIComponent(id)}`;
    const { authorization } = await park('GET', path);
    const { name, position, token_name, config, hide_credential } = authorization;
    await park('PUT', path, {
      name,
      position,
      token_name,
      config,
      hide_credential,
      expire_time: until,
    });
  }
  return late.length;
}

/** A service that is named is Tollgate's alone: who has no entitlement to it is taken off. */
async function setSubscribers(park, service, wanted) {
  const query = `service=${encodeURIComponent(service)}`;
  const { subscribers } = await park('GET', `/api/v1/service/subscribers?${query}`);
  const there = new Set((subscribers ?? []).map(({ subscriber }) => subscriber.id));
  const should = new Set(
    [...wanted.values()].filter(({ may }) => may.has(service)).map((one) => one.application),
  );
  const removed = [...there].filter((application) => !should.has(application));
  const added = [...should].filter((application) => !there.has(application));
  for (const application of removed) {
    const whose = `application=${encodeURIComponent(application)}`;
    await park('DELETE', `/api/v1/service/subscriber?${query}&${whose}`);
  }
  for (const application of added)
    await park('POST', `/api/v1/service/subscriber?${query}`, { application });
  return { added: added.length, removed: removed.length };
}

/** A caller that throws unless the answer is 200. */
function createTollgate({ url, operatorToken }) {
  return async (path) => {
    const response = await fetch(url + path, {
      headers: { Authorization: `Bearer ${operatorToken}` },
      signal: AbortSignal.timeout(withinMs),
    });
    if (response.status !== 200)
      throw new Error(`Tollgate answered ${path} with ${response.status}`);
    return response.json();
  };
}

async function* pages(ask, path) {
  let cursor = '';
  do {
    const page = await ask(
      `${path}?limit=${pageSize}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    yield* page.data;
    cursor = page.next_cursor ?? '';
  } while (cursor);
}

/** A caller in a session of its own: APIPark answers 200 with a `code`, which is 0 where it did what was asked. */
async function logIn({ url, user, password }) {
  let cookie = '';
  const call = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'Content-Type': 'application/json', ...(cookie && { Cookie: cookie }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(withinMs),
    });
    const answer = await response.json();
    const [name] = path.split('?');
    if (answer.code !== 0)
      throw new Error(`APIPark refused ${method} ${name}: ${answer.code} ${answer.msg ?? ''}`);
    cookie ||= response.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
    return answer.data ?? {};
  };
  await call('POST', '/api/v1/account/login/username', { name: user, password });
  return call;
}

/** `search=service-1,export=service-2` */
function readServices(text) {
  return Object.fromEntries(text.split(',').map((pair) => pair.trim().split('=')));
}

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

async function main() {
  const options = {
    tollgate: { url: needed('TOLLGATE_URL'), operatorToken: needed('TOLLGATE_OPERATOR_TOKEN') },
    apipark: {
      url: needed('APIPARK_URL'),
      user: needed('APIPARK_USER'),
      password: needed('APIPARK_PASSWORD'),
    },
    services: readServices(needed('APIPARK_SERVICES')),
  };
  const every = Number(process.env.PUSH_EVERY_SECONDS ?? 0);
  do {
    try {
      console.log(JSON.stringify({ at: new Date().toISOString(), ...(await push(options)) }));
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      if (!every) process.exitCode = 1;
    }
    await wait(every * 1000);
  } while (every);
}

if (import.meta.url === `file://${process.argv[1]}`) await main();
