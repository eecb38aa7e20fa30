// Judges what left the sandbox: every answer against the strict schema of the SDK's own call, every
// error against Stripe's error members and codes, every event against its type's object.
import { loadCatalog, type Catalog, type Operation } from './catalog.ts';
import { createValidator, type Check, type ObjectSchema, type Schema } from './schema.ts';

export type Checker = Awaited<ReturnType<typeof createChecker>>;
export type Json = Record<string, unknown>;

/** Codes that Stripe sends and its published list leaves out (seen in the issues of
 * flutter-stripe/flutter_stripe#1551). */
const unlistedCodes: Schema = { const: 'subscription_payment_intent_requires_action' };

/** Members that errors have on the wire besides those of `last_payment_error`. */
const moreErrorMembers: Record<string, Schema> = {
  request_log_url: { type: 'string' },
  payment_intent: { $ref: 'PaymentIntent' },
  setup_intent: { $ref: 'SetupIntent' },
};

export const createChecker = async () => {
  const catalog = await loadCatalog();
  const { compile } = createValidator(catalog.definitions);
  const find = createFinder(catalog);
  const kept = new Map<unknown, Check>();
  const checkOf = (schema: Schema, mode: 'whole' | 'partial' = 'whole'): Check => {
    const key = mode === 'whole' ? schema : (schema as { $ref?: string }).$ref;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = compile(schema, mode);
    kept.set(key, made);
    return made;
  };
  const error = errorSchema(catalog, v1);
  const errorOfV2 = errorSchema(catalog, v2);
  const event = (given: Json): string[] => {
    const type = String(given['type']);
    const schema = catalog.events[type];
    if (schema === undefined) return [`${type} is no event of Stripe's`];
    const { object, previous_attributes: before } = given['data'] as Record<string, Json>;
    const whole = type === withoutId ? { id: 'in_none', ...object } : object;
    return [
      ...checkOf(catalog.envelope)(given, type),
      ...checkOf(schema)(whole, `${type} data.object`),
      ...(before === undefined
        ? []
        : checkOf(schema, 'partial')(before, `${type} previous_attributes`)),
    ];
  };

  return {
    catalog,
    find,
    /** What is wrong with an answer; calls the SDK does not have are not judged. */
    answer: (method: string, path: string, status: number, body: unknown): string[] => {
      const name = `${method} ${path}`;
      if (status >= 400 && path.startsWith('/v2/')) return checkOf(errorOfV2)(body, name);
      if (status >= 400) return checkOf(error)(body, `${name} ${status}`);
      if (path === '/v1/events') return (body as { data: Json[] }).data.flatMap(event);
      if (path.startsWith('/v1/events/')) return event(body as Json);
      const operation = find(method, path);
      return operation === null ? [] : checkOf(operation.answer)(body, name);
    },
    event,
  };
};

/** The announcement of an invoice that is not there yet has no id, whatever the types say
 * (https://docs.stripe.com/api/events/types#event_types-invoice.upcoming). */
const withoutId = 'invoice.upcoming';

type Dialect = { codes: string[]; required: string[]; types: string[] };
const v1: Dialect = { codes: [], required: ['type'], types: [] };
/** What it cannot read it names by code alone, as the SDK's `generateV2Error` expects. */
const v2: Dialect = {
  codes: ['invalid_fields', 'billing_meter_event_session_expired'],
  required: [],
  types: ['temporary_session_expired'],
};

const errorSchema = ({ definitions, error }: Catalog, dialect: Dialect): Schema => {
  const { properties } = definitions[(error as { $ref: string }).$ref] as ObjectSchema;
  return {
    type: 'object',
    properties: {
      error: {
        type: 'object',
        properties: {
          ...properties,
          ...moreErrorMembers,
          code: anyOf(properties['code']!, unlistedCodes, ...dialect.codes.map(only)),
          type: anyOf(properties['type']!, ...dialect.types.map(only)),
        },
        required: [...dialect.required, 'message', 'request_log_url'],
        additionalProperties: false,
      },
    },
    required: ['error'],
    additionalProperties: false,
  };
};

const anyOf = (...schemas: Schema[]): Schema => ({ anyOf: schemas });
const only = (value: string): Schema => ({ const: value });

/** The SDK's call for a method and a path, literal segments before ids. */
const createFinder = ({ operations }: Catalog) => {
  const known = new Map<string, Operation[]>();
  const keyOf = (method: string, path: string): string => `${method} ${path.split('/').length}`;
  for (const operation of operations) {
    const key = keyOf(operation.method, operation.path);
    known.set(key, [...(known.get(key) ?? []), operation]);
  }
  for (const list of known.values()) list.sort((a, b) => stars(a.path) - stars(b.path));
  return (method: string, path: string): Operation | null => {
    const given = path.split('/');
    const matches = ({ path: template }: Operation): boolean =>
      template.split('/').every((part, i) => part === '*' || part === given[i]);
    return known.get(keyOf(method, path))?.find(matches) ?? null;
  };
};

const stars = (path: string): number => path.split('*').length;
