// One call to the API that is shown as it went over the wire, tokens shortened, and checked: the story ends
// where an answer is not the one it tells of.
import { call } from '../../src/local/call.ts';
import type { Answer, Call } from '../../src/local/call.ts';
import { ScriptError } from './target.ts';

export type Expected = { status: number; code?: string };

const shownHeaders = [
  'x-entitlement-status',
  'x-entitlement-access',
  'x-plan',
  'x-feature',
  'ratelimit-policy',
  'ratelimit',
  'retry-after',
  'www-authenticate',
  'link',
  'location',
];

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints request and answer; throws where status or code differ from what is expected. */
export async function exchange(request: Call, expected: Expected): Promise<Answer> {
  showRequest(request);
  const answer = await call(request);
  showAnswer(answer);
  const { code } = (typeof answer.body === 'object' ? answer.body : {}) as { code?: string };
  if (answer.status !== expected.status || (expected.code && code !== expected.code)) {
    const wanted = [expected.status, expected.code].filter(Boolean).join(' ');
    throw new ScriptError(`Expected ${wanted}, got ${answer.status} ${code ?? ''}`);
  }
  return answer;
}

function showRequest(request: Call): void {
  const { pathname, search } = new URL(request.url);
  say(`  > ${request.method} ${pathname}${search}`);
  if (request.token) say(`  > authorization: Bearer ${shortened(request.token)}`);
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    say(`  > ${name}: ${/token|key/i.test(name) ? shortened(value) : value}`);
  }
  if (request.body !== undefined) say(`  > ${JSON.stringify(request.body)}`);
}

function showAnswer(answer: Answer): void {
  say(`  < ${answer.status}`);
  for (const name of shownHeaders) {
    const value = answer.headers.get(name);
    if (value !== null) say(`  < ${name}: ${value}`);
  }
  const shown =
    typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body, hideSecrets, 2);
  for (const line of shown.split('\n')) if (line) say(`    ${line}`);
  say('');
}

/** Enough to recognise it by, too little to use it. */
function shortened(secret: string): string {
  return secret.length > 16 ? `${secret.slice(0, 11)}...${secret.slice(-4)}` : secret;
}

function hideSecrets(name: string, value: unknown): unknown {
  return (name === 'key' || name === 'token') && typeof value === 'string'
    ? shortened(value)
    : value;
}
