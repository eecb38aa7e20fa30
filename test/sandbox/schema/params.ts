// Holds the parameters that an endpoint of the sandbox reads against those that the SDK's types
// allow for the same call: what only the sandbox takes, and what it does not support.
import type { Definitions, ObjectSchema, Schema } from './schema.ts';

export type Comparison = {
  unknown: string[];
  unsupported: string[];
  /** What is taken and not used, with the names that Stripe knows inside it, as `a(b c) d`. */
  ignored: { path: string; names: string }[];
};

/** The little of zod's definitions that parameters are made of. */
type Zod = { def: ZodDef };
type ZodDef = {
  type: string;
  shape?: Record<string, Zod>;
  catchall?: Zod;
  innerType?: Zod;
  in?: Zod;
  out?: Zod;
  element?: Zod;
  options?: Zod[];
  entries?: Record<string, string>;
  values?: unknown[];
};

/** What a word of the schema stands for once wrappers are off. */
const bare = (zod: Zod): Zod => {
  const { def } = zod;
  if (def.innerType !== undefined) return bare(def.innerType);
  if (def.type === 'pipe') return bare(def.in!.def.type === 'transform' ? def.out! : def.in!);
  return zod;
};

const options = (zod: Zod): Zod[] => {
  const inner = bare(zod);
  return inner.def.type === 'union' ? inner.def.options!.flatMap(options) : [inner];
};

export const compareParams = (
  schema: unknown,
  params: Schema | null,
  definitions: Definitions,
): Comparison => {
  const found: Comparison = { unknown: [], unsupported: [], ignored: [] };
  const alternatives = (given: Schema): Schema[] => {
    if ('$ref' in given) return alternatives(definitions[given.$ref]!);
    return 'anyOf' in given ? given.anyOf.flatMap(alternatives) : [given];
  };
  const objects = (given: Schema[]): ObjectSchema[] =>
    given.filter((one): one is ObjectSchema => 'type' in one && one.type === 'object');

  const namesIn = (theirs: Schema[]): string => {
    const lists = theirs.filter((one) => 'type' in one && one.type === 'array');
    const inside = lists.flatMap((one) => alternatives((one as { items: Schema }).items));
    const all = objects([...theirs, ...inside]);
    const names = new Map<string, string>();
    for (const { properties, additionalProperties: rest } of all) {
      for (const [name, inner] of Object.entries(properties))
        names.set(name, namesIn(alternatives(inner)));
      if (typeof rest === 'object') names.set('*', namesIn(alternatives(rest)));
    }
    return [...names].map(([name, inner]) => (inner === '' ? name : `${name}(${inner})`)).join(' ');
  };

  const compare = (ours: Zod[], theirs: Schema[], path: string): void => {
    for (const zod of ours) {
      const { type } = zod.def;
      if (type === 'array') compareList(zod, theirs, path);
      else if (type === 'enum' || type === 'literal') compareWords(zod, theirs, path);
      else if (type === 'unknown' || type === 'any')
        found.ignored.push({ path, names: namesIn(theirs) });
    }
    const shapes = ours.filter((zod) => zod.def.type === 'object');
    if (shapes.length > 0) compareObjects(shapes, objects(theirs), path);
  };

  const compareObjects = (shapes: Zod[], theirs: ObjectSchema[], path: string): void => {
    const inside = (name: string): string => (path === '' ? name : `${path}[${name}]`);
    const supported = new Set<string>();
    for (const { def } of shapes) {
      if (def.catchall !== undefined && def.catchall.def.type !== 'never')
        found.ignored.push({ path, names: namesIn(theirs) });
      for (const [name, inner] of Object.entries(def.shape!)) {
        supported.add(name);
        const known = theirs.flatMap((one) => propertyOf(one, name));
        if (known.length === 0) found.unknown.push(inside(name));
        else compare(options(inner), known.flatMap(alternatives), inside(name));
      }
    }
    for (const name of new Set(theirs.flatMap((one) => Object.keys(one.properties))))
      if (!supported.has(name) && name !== 'expand') found.unsupported.push(inside(name));
  };

  const compareList = (list: Zod, theirs: Schema[], path: string): void => {
    const items = theirs.flatMap((one) =>
      'type' in one && one.type === 'array' ? alternatives((one as { items: Schema }).items) : [],
    );
    if (items.length === 0) found.unknown.push(`${path} is no list`);
    else compare(options(list.def.element!), items, path);
  };

  const compareWords = (words: Zod, theirs: Schema[], path: string): void => {
    const ours = words.def.values ?? Object.values(words.def.entries!);
    const known = new Set(theirs.flatMap(wordsOf));
    if (known.has('*')) return;
    for (const word of ours)
      if (!known.has(String(word))) found.unknown.push(`${path}=${String(word)}`);
    const all = new Set(ours.map(String));
    if ([...known].some((word) => word !== '' && !all.has(word)))
      found.unsupported.push(`${path} (only ${ours.map(String).join(', ')})`);
  };

  compare(options(schema as Zod), params === null ? [emptyObject] : alternatives(params), '');
  return found;
};

const emptyObject: ObjectSchema = { type: 'object', properties: {} };

const propertyOf = (schema: ObjectSchema, name: string): Schema[] => {
  const own = schema.properties[name];
  if (own !== undefined) return [own];
  const rest = schema.additionalProperties;
  return rest === undefined || rest === false ? [] : [rest];
};

/** The words a schema allows; `*` for any text. */
const wordsOf = (schema: Schema): string[] => {
  if ('const' in schema) return [String(schema.const)];
  if ('enum' in schema) return (schema.enum as unknown[]).map(String);
  if (!('type' in schema)) return ['*'];
  if (schema.type === 'boolean') return ['true', 'false'];
  return schema.type === 'string' || schema.type === 'number' ? ['*'] : [];
};
