// Parameters that are taken and not used, such as how a payment method is to be shown: still held to
// the names that Stripe knows, which scripts/sandbox-parameters.ts writes beside this file.
import { readFileSync } from 'node:fs';
import { StripeError } from './error.ts';
import type { Form, FormValue } from './form.ts';

/** Names inside a parameter; `*` takes any, an empty tree is a value. */
type Names = Map<string, Names>;

/** `a(b c(d)) e` as a tree. */
const parse = (text: string): Names => {
  const stack: Names[] = [new Map<string, Names>()];
  let last: Names = stack[0]!;
  for (const [word] of text.matchAll(/[()]|[^\s()]+/g)) {
    if (word === '(') stack.push(last);
    else if (word === ')') stack.pop();
    else {
      last = new Map();
      stack.at(-1)!.set(word, last);
    }
  }
  return stack[0]!;
};

const read = (): Map<string, [path: string, names: Names][]> => {
  const known = new Map<string, [string, Names][]>();
  const text = readFileSync(new URL('./ignored.txt', import.meta.url), 'utf8');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [method = '', path = '', param = '', ...names] = line.split(' ');
    const endpoint = `${method} ${path}`;
    const entry: [string, Names] = [param, parse(names.join(' '))];
    known.set(endpoint, [...(known.get(endpoint) ?? []), entry]);
  }
  return known;
};
const known = read();

/** Refuses a name inside such a parameter that Stripe does not know. */
export const refuseUnknownInside = (
  endpoint: { method: string; path: string },
  form: Form,
): void => {
  const name = `${endpoint.method} ${endpoint.path.replaceAll(/:\w+/g, '*')}`;
  for (const [param, names] of known.get(name) ?? []) {
    const path = param.split(/[[\]]+/).filter((part) => part !== '');
    for (const [value, at] of valuesAt(form, path, '')) {
      const unknown = firstUnknown(value, names, at);
      if (unknown !== null) throw refusal(unknown);
    }
  }
};

/** The values at a path, through lists, each with its name as the client wrote it. */
const valuesAt = (value: FormValue, path: string[], at: string): [FormValue, string][] => {
  if (Array.isArray(value)) return value.flatMap((one, i) => valuesAt(one, path, `${at}[${i}]`));
  const [key, ...rest] = path;
  if (key === undefined) return [[value, at]];
  const inner = typeof value === 'string' ? undefined : value[key];
  return inner === undefined ? [] : valuesAt(inner, rest, at === '' ? key : `${at}[${key}]`);
};

const firstUnknown = (value: FormValue, names: Names, at: string): string | null => {
  if (typeof value === 'string') return null;
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const below = Array.isArray(value) ? names : (names.get(String(key)) ?? names.get('*'));
    const found =
      below === undefined ? `${at}[${key}]` : firstUnknown(inner, below, `${at}[${key}]`);
    if (found !== null) return found;
  }
  return null;
};

const refusal = (param: string): StripeError =>
  new StripeError(
    400,
    {
      type: 'invalid_request_error',
      code: 'parameter_unknown',
      message: `Received unknown parameter: ${param}`,
      param,
    },
    { executed: false },
  );
