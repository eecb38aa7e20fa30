// Words to declare an endpoint's parameters with, and how a refusal reads in Stripe's words.
// Everything arrives as text, so each word coerces; unknown parameters are refused.
import { z } from 'zod';
import { StripeError } from './error.ts';
import type { Metadata } from '../store/entity.ts';

const textMax = 5_000;

export const text = z.string().min(1).max(textMax);
export const anyText = z.string().max(textMax);
export const int = z
  .string()
  .regex(/^-?\d{1,15}$/, 'Invalid integer')
  .transform(Number);
export const count = int.refine((n) => n >= 0, 'Invalid non-negative integer');
export const timestamp = int.refine((n) => n >= 0 && n < 2 ** 38, 'Invalid timestamp');
export const decimal = z.string().regex(/^-?\d{1,15}(\.\d{1,12})?$/, 'Invalid decimal');
export const bool = z.enum(['true', 'false']).transform((word) => word === 'true');
export const currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/, 'Invalid currency')
  .transform((code) => code.toLowerCase());

/** The empty string clears: Stripe's `Emptyable`. */
export const clearable = <T extends z.ZodType>(inner: T) =>
  z.preprocess((value) => (value === '' ? null : value), inner.nullable());

const listAsRecord = (value: unknown): unknown =>
  Array.isArray(value) ? Object.fromEntries(value.entries()) : value;

/** Keys to values; an empty value removes its key, an empty whole removes all (null). */
export const metadata = clearable(
  z.preprocess(listAsRecord, z.record(z.string().max(40), z.string().max(500))),
);

/** Metadata after a change: merged key by key. */
export const mergeMetadata = (old: Metadata, change: Metadata | null | undefined): Metadata => {
  if (change === undefined) return old;
  if (change === null) return {};
  return Object.fromEntries(
    Object.entries({ ...old, ...change }).filter(([, value]) => value !== ''),
  );
};

export const paging = {
  limit: int.refine((n) => n >= 1 && n <= 100, 'Invalid integer').optional(),
  starting_after: text.optional(),
  ending_before: text.optional(),
};

const range = z.strictObject({
  gt: timestamp.optional(),
  gte: timestamp.optional(),
  lt: timestamp.optional(),
  lte: timestamp.optional(),
});
export type Range = z.output<typeof range>;
export const created = z.union([timestamp, range]).optional();

/** Whether an instant lies in what `created` asked for. */
export const isWithin = (at: number, asked: number | Range | undefined): boolean => {
  if (asked === undefined) return true;
  if (typeof asked === 'number') return at === asked;
  return (
    (asked.gt === undefined || at > asked.gt) &&
    (asked.gte === undefined || at >= asked.gte) &&
    (asked.lt === undefined || at < asked.lt) &&
    (asked.lte === undefined || at <= asked.lte)
  );
};

/** The parameters as the schema reads them; throws the refusal of the first that is wrong. */
export const readParams = <S extends z.ZodType>(schema: S, form: unknown): z.output<S> => {
  const read = schema.safeParse(form, { reportInput: true });
  if (read.success) return read.data;
  throw refusal(read.error.issues);
};

type Issue = z.core.$ZodIssue;

const refusal = (issues: Issue[]): StripeError => {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys');
  const issue = deepest(unknown ?? issues[0]!);
  const where = (path: readonly PropertyKey[]): string =>
    path.map((part, i) => (i === 0 ? String(part) : `[${String(part)}]`)).join('');
  const refuse = (message: string, param: string, code?: string): StripeError =>
    new StripeError(
      400,
      { type: 'invalid_request_error', message, param, ...(code === undefined ? {} : { code }) },
      { executed: false },
    );
  if (issue.code === 'unrecognized_keys') {
    const param = where([...issue.path, issue.keys[0] ?? '']);
    return refuse(`Received unknown parameter: ${param}`, param, 'parameter_unknown');
  }
  const param = where(issue.path);
  const input: unknown = issue.input;
  if (input === undefined) {
    return refuse(`Missing required param: ${param}.`, param, 'parameter_missing');
  }
  if (input === '') {
    return refuse(
      `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; however '${param}' cannot be unset.`,
      param,
      'parameter_invalid_empty',
    );
  }
  if (issue.code === 'invalid_value') {
    return refuse(`Invalid ${param}: must be one of ${issue.values.map(String).join(', ')}`, param);
  }
  if (issue.code === 'invalid_format' && issue.message === 'Invalid integer') {
    return refuse(`Invalid integer: ${shown(input)}`, param, 'parameter_invalid_integer');
  }
  return refuse(`Invalid ${param}: ${issue.message}`, param);
};

/** Inside a union, the first complaint that goes deeper than "none of these" says more. */
const deepest = (issue: Issue): Issue => {
  if (issue.code !== 'invalid_union') return issue;
  const inner =
    issue.errors.flat().find((nested) => nested.path.length > 0) ?? issue.errors[0]?.[0];
  return inner === undefined ? issue : deepest({ ...inner, path: [...issue.path, ...inner.path] });
};

const shown = (input: unknown): string =>
  typeof input === 'string' ? input.slice(0, 100) : 'value';
