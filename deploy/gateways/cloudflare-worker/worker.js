// Asks Tollgate about each call and gives its answer to the client, or lets the call through to the API.
// Holds no state but decisions it may keep, in the memory of its isolate.

const withinMs = 500;
const keptMs = 60_000; // no answer is used for longer, not even while Tollgate is away
const keptMax = 10_000; // decisions, twice

const identity = ['x-customer-id', 'x-plan', 'x-feature', 'x-entitlement-access', 'x-decision-id'];
const notPassedOn = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
  'x-accel-expires',
];

const silent = {
  type: 'about:blank',
  title: 'The check could not be made',
  status: 503,
  detail: 'Nothing is wrong with the key or the plan. Try again shortly.',
  code: 'unverifiable',
  retryable: true,
};

export default {
  async fetch(request, env) {
    const call = read(request, env);
    const answer = await (env.DECISIONS === 'keep' ? askOrRecall(call, env) : ask(call, env));
    if (answer && answer.status !== 200) return refusal(answer);
    if (answer || env.WHEN_SILENT === 'open') return served(request, env, answer);
    const headers = {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'Retry-After': '5',
    };
    return new Response(JSON.stringify(silent), { status: 503, headers });
  },
};

/** What is asked. The URL is the one that the API will see: parsed, its dot segments resolved. */
function read(request) {
  const { pathname, search } = new URL(request.url);
  const authorization = request.headers.get('Authorization') ?? '';
  return {
    method: request.method,
    path: pathname,
    target: pathname + search,
    key: request.headers.get('X-API-Key') ?? '',
    // Any other Authorization belongs to the API behind.
    bearer: /^bearer +tg_(live|test)_/i.test(authorization) ? authorization : '',
  };
}

/** Tollgate's answer as plain data; null where there is none, or something on the way answered in its place. */
async function ask({ method, target, key, bearer }, env) {
  try {
    const response = await fetch(`${env.TOLLGATE_URL}/entitlements`, {
      headers: {
        'X-Gateway-Token': env.TOLLGATE_GATEWAY_TOKEN,
        'X-Forwarded-Method': method,
        'X-Forwarded-Uri': target,
        ...(key && { 'X-API-Key': key }),
        ...(bearer && { Authorization: bearer }),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(withinMs),
    });
    const body = await response.text();
    if (!response.headers.has('X-Entitlement-Status')) return null;
    return { status: response.status, headers: [...response.headers], body };
  } catch {
    return null;
  }
}

/** Two maps, of which the older one is dropped when the younger one is full: bounded, and what is used stays. */
let younger = new Map();
let older = new Map();

function keep(id, kept) {
  if (younger.size >= keptMax) [younger, older] = [new Map(), younger];
  younger.set(id, kept);
}

function recall(id, now) {
  const kept = younger.get(id) ?? older.get(id);
  if (!kept || now >= kept.useUntil) return null;
  if (!younger.has(id)) keep(id, kept);
  return kept;
}

/** While one call asks again, the others are served the answer before. */
async function askOrRecall(call, env) {
  const id = await idOf(call);
  const now = Date.now();
  const kept = recall(id, now);
  if (kept && (now < kept.freshUntil || now < kept.askedAgainUntil)) return kept.answer;
  if (kept) kept.askedAgainUntil = now + 2 * withinMs;
  const answer = await ask(call, env);
  if (!answer) return kept?.answer ?? null;
  const [, seconds = '0'] = answer.headers.find(([name]) => name === 'x-accel-expires') ?? [];
  const [freshUntil, useUntil] = [now + Number(seconds) * 1000, now + keptMs];
  keep(id, { answer, freshUntil, useUntil: freshUntil > now ? useUntil : 0, askedAgainUntil: 0 });
  return answer;
}

/** With credential, method or path left out of it, one call's answer would open another. */
async function idOf({ key, bearer, method, path }) {
  const bytes = new TextEncoder().encode(`${key}\n${bearer}`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')} ${method} ${path}`;
}

function refusal({ status, headers, body }) {
  return new Response(body, {
    status,
    headers: headers.filter(([name]) => !notPassedOn.includes(name)),
  });
}

async function served(request, env, answer) {
  const url = new URL(request.url);
  const target = env.API_ORIGIN ? env.API_ORIGIN + url.pathname + url.search : request.url;
  const told = new Map(answer?.headers);
  const forwarded = new Request(target, request);
  // Whatever the client says it is, under any spelling that some API might read as the same name.
  for (const name of [...forwarded.headers.keys()]) {
    const known = name.toLowerCase().replaceAll('_', '-');
    if (identity.includes(known) || known === 'x-gateway-token') forwarded.headers.delete(name);
  }
  for (const name of identity) if (told.get(name)) forwarded.headers.set(name, told.get(name));

  const response = await fetch(forwarded, { redirect: 'manual' });
  const passed = new Response(response.body, response);
  for (const name of ['ratelimit', 'ratelimit-policy']) {
    if (told.has(name)) passed.headers.set(name, told.get(name));
  }
  return passed;
}
