// The subset of JSON Schema that is derived from the types of the `stripe` package, and its
// validator: schemas become functions once, so that checking every answer costs little.

export type Schema =
  | { $ref: string }
  | { anyOf: Schema[] }
  | { allOf: Schema[] }
  | { const: string | number | boolean }
  | { enum: (string | number)[] }
  | { not: Record<string, never> }
  | { type: 'string' | 'number' | 'boolean' | 'null' }
  | { type: 'array'; items: Schema }
  | ObjectSchema
  | Record<string, never>;
export type ObjectSchema = {
  type: 'object';
  properties: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | false;
};
export type Definitions = Record<string, Schema>;

/** How a value differs from its schema, by path; empty when it does not. */
export type Check = (value: unknown, path: string) => string[];
type Mode = 'whole' | 'partial';

/**
 * Validators over the definitions. `partial` is for `previous_attributes`: it forgives what is
 * missing, and null where there was nothing before.
 */
export const createValidator = (definitions: Definitions) => {
  const compiled = { whole: new Map<string, Check>(), partial: new Map<string, Check>() };

  const reference = (name: string, mode: Mode): Check => {
    const known = compiled[mode].get(name);
    if (known !== undefined) return known;
    const holder: { check?: Check } = {};
    const later: Check = (value, path) => holder.check!(value, path);
    compiled[mode].set(name, later);
    holder.check = compile(definitions[name]!, mode);
    compiled[mode].set(name, holder.check);
    return holder.check;
  };

  const compile = (schema: Schema, mode: Mode): Check => {
    if ('$ref' in schema) return reference(schema.$ref, mode);
    if ('anyOf' in schema) return anyOf(schema.anyOf.map((one) => compile(one, mode)));
    if ('allOf' in schema) {
      const all = schema.allOf.map((one) => compile(one, mode));
      return (value, path) => all.flatMap((check) => check(value, path));
    }
    if ('const' in schema) return oneOf([schema.const as string]);
    if ('enum' in schema) return oneOf(schema.enum);
    if ('not' in schema) return (_value, path) => [`${path} must be absent`];
    if (!('type' in schema)) return () => [];
    if (schema.type === 'object') return objectCheck(schema, mode);
    if (schema.type === 'array')
      return arrayCheck(compile((schema as { items: Schema }).items, mode));
    return typeCheck(schema.type);
  };

  const objectCheck = (schema: ObjectSchema, mode: Mode): Check => {
    const properties = new Map<string, Check>();
    for (const [key, inner] of Object.entries(schema.properties))
      properties.set(key, compile(inner, mode));
    const required = mode === 'whole' ? (schema.required ?? []) : [];
    const { additionalProperties: rest } = schema;
    const others = rest === undefined || rest === false ? rest : compile(rest, mode);
    return (value, path) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return [`${path} is no object but ${shown(value)}`];
      const problems: string[] = [];
      for (const key of required)
        if (!Object.hasOwn(value, key)) problems.push(`${path}.${key} is missing`);
      for (const [key, inner] of Object.entries(value)) {
        if (mode === 'partial' && inner === null) continue;
        const check = properties.get(key) ?? others;
        if (check === false) problems.push(`${path}.${key} is unknown to Stripe`);
        else if (check !== undefined) problems.push(...check(inner, `${path}.${key}`));
      }
      return problems;
    };
  };

  return { compile: (schema: Schema, mode: Mode = 'whole') => compile(schema, mode) };
};

/** Of the alternatives that fail, the one that came deepest says most. */
const anyOf =
  (checks: Check[]): Check =>
  (value, path) => {
    let best: string[] | null = null;
    for (const check of checks) {
      const problems = check(value, path);
      if (problems.length === 0) return [];
      if (best === null || depthOf(problems) > depthOf(best)) best = problems;
    }
    return best ?? [];
  };

const depthOf = (problems: string[]): number =>
  Math.max(...problems.map((problem) => problem.split(/ (?:is|must) /)[0]!.split('.').length));

const oneOf = (values: (string | number)[]): Check => {
  const known = new Set<unknown>(values);
  return (value, path) =>
    known.has(value) ? [] : [`${path} is ${shown(value)}, not one of ${values.slice(0, 8).join()}`];
};

const arrayCheck =
  (item: Check): Check =>
  (value, path) =>
    Array.isArray(value)
      ? value.flatMap((one, i) => item(one, `${path}[${i}]`))
      : [`${path} is no list but ${shown(value)}`];

const typeCheck =
  (type: string): Check =>
  (value, path) =>
    (type === 'null' ? value === null : typeof value === type)
      ? []
      : [`${path} is no ${type} but ${shown(value)}`];

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 60);
