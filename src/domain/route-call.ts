// Calls made up for route policies: whatever a pattern, or two of them together, can describe, with a part in it that no
// policy names. What decides such a call is asked of the very table that decides real ones.
import type { Origin } from './origin.ts';
import type { RoutePolicy } from './route-policy.ts';

/** No literal of a policy can be this, so that only parameters and stars match it. */
const unnamed = ' ';
/** A method that no policy names: only `*` takes it. */
export const otherMethod = 'OTHER';

/** A method of calls that both policies describe, or null. */
export function meetMethods(a: string, b: string): string | null {
  if (a === b) return a === '*' ? otherMethod : a;
  const named = a === '*' ? b : b === '*' ? a : null;
  if (named !== null) return named === 'OPTIONS' ? null : named;
  return [a, b].every((method) => method === 'GET' || method === 'HEAD') ? 'HEAD' : null;
}

/** Paths that both patterns describe, one for each way in which stars can be filled. */
export function meetPaths(a: string[], b: string[], tails: string[][]): string[][] {
  const head: string[] = [];
  for (let at = 0; ; at += 1) {
    const [x, y] = [a[at], b[at]];
    if (x === undefined || y === undefined) return x === y ? [head] : [];
    if (x === '*' || y === '*') {
      return fill((x === '*' ? b : a).slice(at), tails).map((tail) => [...head, ...tail]);
    }
    const segment = meetSegments(x, y);
    if (segment === null) return [];
    head.push(segment);
  }
}

function meetSegments(x: string, y: string): string | null {
  if (isParam(x) && isParam(y)) return unnamed;
  const [param, literal] = isParam(x) ? [true, y] : [isParam(y), x];
  return param ? literal || null : x === y ? x : null;
}

/** The pattern with something unnamed for each parameter, and each of the tails for a star. */
export function fill(pattern: string[], tails: string[][]): string[][] {
  const filled = pattern.map((segment) => (isParam(segment) ? unnamed : segment));
  if (filled.at(-1) !== '*') return [filled];
  return tails.map((tail) => [...filled.slice(0, -1), ...tail]);
}

/** What a star can stand for, up to a length beyond which only stars match; with and without a last slash. */
export function tailsUpTo(longest: number): string[][] {
  const plain = Array.from({ length: longest + 1 }, (_, n) => Array<string>(n + 1).fill(unnamed));
  return [...plain, [''], ...plain.map((tail) => [...tail, ''])];
}

export function isParam(segment: string): boolean {
  return segment.startsWith(':');
}

/** The call as a person may read it: what stands for anything is …. */
export function showCall({ method, segments }: Origin): string {
  const path = segments.map((segment) => (segment === unnamed ? '…' : segment)).join('/');
  return `${method === otherMethod ? '*' : method} /${path}`;
}

export type MadeUpCall = { call: Origin; policy: RoutePolicy };

/**
 * Calls that `changed` policies describe, alone and together with each of `all`; every call that is decided otherwise
 * since they changed is like one of these. In turn, so that whoever asks can stop or do something else between two.
 */
export function* callsOf(changed: RoutePolicy[], all: RoutePolicy[]): Generator<MadeUpCall> {
  const split = ({ path }: RoutePolicy) => path.slice(1).split('/');
  const tails = tailsUpTo(Math.max(0, ...all.map((policy) => split(policy).length)));
  for (const policy of changed) {
    const segments = split(policy);
    const method = policy.method === '*' ? otherMethod : policy.method;
    for (const call of fill(segments, tails)) yield { call: { method, segments: call }, policy };
    for (const other of all) {
      if (other === policy) continue;
      const met = meetMethods(policy.method, other.method);
      if (met === null) continue;
      for (const call of meetPaths(segments, split(other), tails)) {
        yield { call: { method: met, segments: call }, policy };
      }
    }
  }
}
