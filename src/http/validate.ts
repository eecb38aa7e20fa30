// Parses what came over the wire with the route's schemas. Everything is strict: unknown members, repeated
// query parameters and texts that PostgreSQL could not store are refused, each with a pointer to it.
import type { Request } from 'express';
import type { z } from 'zod';
import { invalid, notFound } from '../domain/error.ts';
import type { FieldError } from '../domain/error.ts';

const nestingMax = 24;
const errorsMax = 50;

/** Path parameters that cannot name anything name nothing: 404, not 422. */
export function parseParams<T>(schema: z.ZodType<T> | undefined, req: Request): T {
  if (!schema) return {} as T;
  const parsed = schema.safeParse({ ...req.params });
  if (!parsed.success) throw notFound();
  return parsed.data;
}

/** The query, each parameter at most once. A route without a query schema takes none. */
export function parseQuery<T>(schema: z.ZodType<T> | undefined, req: Request): T {
  const given: Record<string, string> = {};
  const errors: FieldError[] = [];
  for (const [name, value] of new URLSearchParams(queryOf(req.originalUrl))) {
    const pointer = `/${escapePointer(name)}`;
    if (Object.hasOwn(given, name)) errors.push({ pointer, detail: 'is given more than once' });
    else if (name === '__proto__') errors.push({ pointer, detail: 'is unknown' });
    else given[name] = value;
    errors.push(...storageFaults(value, pointer));
  }
  if (!schema) {
    errors.push(...unknownNames(Object.keys(given)));
  }
  if (errors.length) throw invalid(...errors.slice(0, errorsMax));
  return schema ? check(schema, given) : ({} as T);
}

/** The body. A route without a schema takes none, or an empty object. */
export function parseBody<T>(schema: z.ZodType<T> | undefined, body: unknown): T {
  if (body === undefined) {
    const empty = schema?.safeParse({});
    if (empty && !empty.success) throw invalid({ pointer: '', detail: 'a JSON body is needed' });
    return (empty?.data ?? {}) as T;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid({ pointer: '', detail: 'must be a JSON object' });
  }
  const faults = storageFaults(body, '');
  if (!schema) faults.push(...unknownNames(Object.keys(body)));
  if (faults.length) throw invalid(...faults.slice(0, errorsMax));
  return schema ? check(schema, body) : ({} as T);
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(...parsed.error.issues.flatMap(toFieldErrors).slice(0, errorsMax));
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'invalid_union' && issue.errors.length) return ofNearest(issue);
  const at = issue.path.map((part) => `/${escapePointer(String(part))}`).join('');
  if (issue.code !== 'unrecognized_keys') return [{ pointer: at, detail: issue.message }];
  return issue.keys.map((key) => ({
    pointer: `${at}/${escapePointer(key)}`,
    detail: 'is unknown',
  }));
}

/** Of several forms, the one that was most likely meant: where the least is wrong. */
function ofNearest({ path, errors }: z.core.$ZodIssueInvalidUnion): FieldError[] {
  const told = errors.map((issues) =>
    issues.flatMap((issue) => toFieldErrors({ ...issue, path: [...path, ...issue.path] })),
  );
  return told.reduce((nearest, other) => (other.length < nearest.length ? other : nearest));
}

function unknownNames(names: string[]): FieldError[] {
  return names.map((name) => ({ pointer: `/${escapePointer(name)}`, detail: 'is unknown' }));
}

/**
 * NUL and lone surrogates cannot be stored; `__proto__` has no honest use; nesting without a bound would
 * exhaust the stack of whoever walks it, this function first.
 */
function storageFaults(value: unknown, pointer: string, depth = 0): FieldError[] {
  if (typeof value === 'string') {
    return /\0|\p{Surrogate}/u.test(value)
      ? [{ pointer, detail: 'holds NUL or half a surrogate pair' }]
      : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  if (depth >= nestingMax) return [{ pointer, detail: 'is nested too deeply' }];
  const faults: FieldError[] = [];
  for (const [name, member] of Object.entries(value)) {
    const at = `${pointer}/${escapePointer(name)}`;
    if (name === '__proto__') faults.push({ pointer: at, detail: 'is unknown' });
    else faults.push(...storageFaults(name, at), ...storageFaults(member, at, depth + 1));
    if (faults.length >= errorsMax) break;
  }
  return faults;
}

/** RFC 6901, and no longer than anybody wants to read. */
function escapePointer(part: string): string {
  return part.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
}
