// Makes values from a JSON Schema, as our OpenAPI document uses it: valid ones, and ones gone wrong. Knows the
// keywords that occur there and no others.
import fc from 'fast-check';

export type Schema = Record<string, any>;
/** Values for a property by its name, where a schema alone cannot know what exists. */
export type Hints = Record<string, fc.Arbitrary<unknown>>;

/** A value the schema allows. */
export function valid(schema: Schema, hints: Hints = {}): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const']);
  if (schema['enum']) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const options = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  if (options) return fc.oneof(...options.map((option) => valid(option, hints)));
  if (Array.isArray(schema['examples']) && schema['examples'].length > 0) {
    return fc.constantFrom(...(schema['examples'] as unknown[]));
  }
  switch (schema['type']) {
    case 'object':
      return object(schema, hints);
    case 'array':
      return fc.uniqueArray(valid(schema['items'] ?? {}, hints), {
        minLength: schema['minItems'] ?? 0,
        maxLength: Math.min(schema['maxItems'] ?? 3, 3),
        selector: (value) => JSON.stringify(value),
      });
    case 'string':
      return text(schema);
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max(schema['minimum'] ?? 0, -1_000_000),
        max: Math.min(schema['maximum'] ?? 1_000, 1_000_000),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

/** A value near the schema that it most likely refuses: a wrong type, a field too many or too few, or anything. */
export function invalid(schema: Schema, hints: Hints = {}): fc.Arbitrary<unknown> {
  const names = [...Object.keys(schema['properties'] ?? {}), 'unknown'];
  const junk = fc.oneof(
    fc.constantFrom(null, true, -1, 1.5, 1e308, '', ' ', '\0', '\ud800', [], {}, [[]], {
      __proto__: 1,
    }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.jsonValue({ maxDepth: 3 }),
    fc.constant('x'.repeat(5_000)),
  );
  const base = valid(schema, hints).map((value) => ({ ...(value as object) }));
  return fc.oneof(
    fc.tuple(base, fc.constantFrom(...names), junk).map(([value, name, bad]) => ({ ...value, [name]: bad })),
    fc.tuple(base, fc.string({ minLength: 1 }), junk).map(([value, name, bad]) => ({ ...value, [name]: bad })),
    fc.tuple(base, fc.constantFrom(...names)).map(([value, name]) => without(value, name)),
    junk,
  ); // prettier-ignore
}

function object(schema: Schema, hints: Hints): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  const required = (schema['required'] ?? []) as string[];
  const entries = Object.entries(properties).map(
    ([name, property]) => [name, hints[name] ?? valid(property, hints)] as const,
  );
  if (entries.length === 0 && schema['additionalProperties']) {
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valid(schema['additionalProperties'], hints), { maxKeys: 3 }); // prettier-ignore
  }
  return fc.record(Object.fromEntries(entries), { requiredKeys: required, noNullPrototype: true });
}

function text(schema: Schema): fc.Arbitrary<string> {
  if (schema['format'] === 'date-time') return instants;
  if (schema['format'] === 'email') return fc.constantFrom('a@example.com', 'b.c+d@example.org');
  if (schema['format'] === 'uri') return fc.constant('https://example.com/back');
  if (schema['pattern'] && schema['pattern'] !== '\\S') {
    return fc.stringMatching(new RegExp(schema['pattern'] as string), { size: 'small' });
  }
  return fc.string({
    minLength: Math.max(schema['minLength'] ?? 0, 1),
    maxLength: Math.min(schema['maxLength'] ?? 20, 20),
    unit: fc.constantFrom(...'abcdefghij KLMNOP0123456789-_äß漢'),
  });
}

const instants = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2120-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

function without(value: object, name: string): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}
