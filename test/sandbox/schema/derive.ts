// Reads the type declarations of the installed `stripe` package and derives from them, for every
// endpoint the SDK calls, the strict schema of its parameters and of its answer, and for every
// event type the schema of its object. Nothing is listed by hand. Needs the TypeScript compiler's
// API and some seconds; catalog.ts keeps the result.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import type { Definitions, Schema } from './schema.ts';

export type Operation = { method: string; path: string; params: Schema | null; answer: Schema };
export type Catalog = {
  definitions: Definitions;
  operations: Operation[];
  events: Record<string, Schema>;
  /** What every event has around its object, and the members of an error. */
  envelope: Schema;
  error: Schema;
};

/** Everything the package's types say about the API. */
export const deriveCatalog = (entry: string): Catalog => {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    types: ['node'],
  });
  const converter = createConverter(program.getTypeChecker());
  const sources = program
    .getSourceFiles()
    .filter((file) => /\/stripe\/esm\/resources\/.*\.d\.ts$/.test(file.fileName));
  const source = (name: string): ts.SourceFile =>
    sources.find((file) => file.fileName.endsWith(`/resources/${name}.d.ts`))!;
  return {
    operations: sources.flatMap((file) => operationsOf(file, converter)),
    events: eventsOf(source('Events'), converter),
    envelope: converter.convert(converter.declared(source('Events'), ['EventBase'])),
    error: converter.convert(
      converter.declared(source('PaymentIntents'), ['PaymentIntent', 'LastPaymentError']),
    ),
    definitions: converter.definitions,
  };
};

type Converter = ReturnType<typeof createConverter>;

/** The declared methods of a resource, each with the call that its JavaScript makes. */
const operationsOf = (file: ts.SourceFile, converter: Converter): Operation[] => {
  const calls = callsOf(file.fileName.replace(/\.d\.ts$/, '.js'));
  return file.statements.filter(ts.isClassDeclaration).flatMap((resource) =>
    resource.members.filter(ts.isMethodDeclaration).flatMap((method) => {
      const name = `${resource.name?.text ?? ''}.${method.name.getText()}`;
      const params = method.parameters.find((one) => one.name.getText() === 'params')?.type;
      return (calls.get(name) ?? [])
        .filter((call) => /^\/v[12]\//.test(call.path))
        .map((call) => ({
          ...call,
          params: params === undefined ? null : converter.convert(converter.typeOf(params)),
          answer: answerOf(method.type!, converter),
        }));
    }),
  );
};

/** `Promise<Response<X>>`, `ApiListPromise<X>` and `ApiSearchResultPromise<X>`, on the wire. */
const answerOf = (type: ts.TypeNode, converter: Converter): Schema => {
  if (!ts.isTypeReferenceNode(type)) return {};
  const name = type.typeName.getText();
  const inner = type.typeArguments?.[0];
  if (inner === undefined) return {};
  if (
    name === 'Promise' &&
    ts.isTypeReferenceNode(inner) &&
    inner.typeName.getText() === 'Response'
  )
    return converter.convert(converter.typeOf(inner.typeArguments![0]!));
  const item = converter.convert(converter.typeOf(inner));
  if (name === 'ApiListPromise') return listOf('list', item);
  return name === 'ApiSearchResultPromise' ? listOf('search_result', item) : {};
};

const listOf = (object: 'list' | 'search_result', items: Schema): Schema => ({
  type: 'object',
  properties: {
    object: { const: object },
    data: { type: 'array', items },
    has_more: { type: 'boolean' },
    url: { type: 'string' },
    ...(object === 'list'
      ? {}
      : {
          next_page: { anyOf: [{ type: 'string' }, { type: 'null' }] },
          total_count: { type: 'number' },
        }),
  },
  required: ['object', 'data', 'has_more', 'url', ...(object === 'list' ? [] : ['next_page'])],
  additionalProperties: false,
});

type Call = { method: string; path: string };

/** `Resource.method` to the verb and path of its `_makeRequest`; each id in the path is a `*`. */
const callsOf = (path: string): Map<string, Call[]> => {
  const calls = new Map<string, Call[]>();
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node, name: string): void => {
    if (ts.isClassDeclaration(node) || ts.isMethodDeclaration(node))
      return ts.forEachChild(node, (child) =>
        visit(
          child,
          ts.isClassDeclaration(node) ? node.name!.text : `${name}.${node.name.getText()}`,
        ),
      );
    if (ts.isCallExpression(node) && node.expression.getText().endsWith('._makeRequest')) {
      const [verb, template] = node.arguments.map((argument) => argument.getText());
      const method = verb!.slice(1, -1);
      const called = template!.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, '*');
      calls.set(name, [...(calls.get(name) ?? []), { method, path: called }]);
    }
    ts.forEachChild(node, (child) => visit(child, name));
  };
  visit(file, '');
  return calls;
};

/** Event type to the schema of `data.object`. */
const eventsOf = (file: ts.SourceFile, converter: Converter): Record<string, Schema> => {
  const events: Record<string, Schema> = {};
  for (const node of file.statements) {
    if (!ts.isInterfaceDeclaration(node) || !/.Event$/.test(node.name.text)) continue;
    const member = (name: string) =>
      node.members.filter(ts.isPropertySignature).find((one) => one.name.getText() === name)?.type;
    const type = member('type');
    const data = member('data');
    if (type === undefined || data === undefined || !ts.isLiteralTypeNode(type)) continue;
    const object = converter.property(data, 'object');
    if (object !== null) events[type.getText().slice(1, -1)] = converter.convert(object);
  }
  return events;
};

const F = ts.TypeFlags;

const createConverter = (checker: ts.TypeChecker) => {
  const definitions: Definitions = {};
  const names = new Map<ts.Type, string>();

  const nameFor = (type: ts.Type): string => {
    const base = (type.aliasSymbol ?? type.symbol)?.name.replaceAll(/\W/g, '') ?? 'type';
    let name = base;
    for (let i = 2; Object.hasOwn(definitions, name); i += 1) name = `${base}_${i}`;
    return name;
  };

  const convert = (type: ts.Type): Schema => {
    const { flags } = type;
    const symbol = (type.aliasSymbol ?? type.symbol)?.name;
    if (symbol === 'Decimal' || symbol === 'Date') return { type: 'string' };
    if (flags & (F.Any | F.Unknown)) return {};
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (flags & F.BooleanLiteral) return { const: checker.typeToString(type) === 'true' };
    if (flags & F.StringLike) return { type: 'string' };
    if (flags & F.NumberLike) return { type: 'number' };
    if (flags & F.Null) return { type: 'null' };
    if (flags & (F.Undefined | F.Void | F.Never)) return { not: {} };
    if (type.isUnion()) return union(type.types);
    if (type.isIntersection()) return intersection(type.types);
    if (checker.isArrayType(type))
      return {
        type: 'array',
        items: convert(checker.getTypeArguments(type as ts.TypeReference)[0]!),
      };
    return object(type);
  };

  /** Open enums (`… | OtherString`) are read as closed: what the SDK does not name is refused. */
  const union = (types: ts.Type[]): Schema => {
    const given = types.filter((one) => !(one.flags & F.Undefined));
    const literals = given.filter((one) => one.isStringLiteral()).map((one) => one.value);
    const booleans = given.filter((one) => one.flags & F.BooleanLiteral);
    const rest = given.filter(
      (one) =>
        !one.isStringLiteral() &&
        !(one.flags & F.BooleanLiteral) &&
        !(literals.length > 0 && one.isIntersection()),
    );
    const all: Schema[] = [
      ...(literals.length === 0 ? [] : [{ enum: literals }]),
      ...(booleans.length === 2 ? [{ type: 'boolean' } as const] : booleans.map(convert)),
      ...rest.map(convert),
    ];
    return all.length === 1 ? all[0]! : { anyOf: all };
  };

  const intersection = (types: ts.Type[]): Schema =>
    types.some((one) => one.flags & F.StringLike)
      ? { type: 'string' }
      : { allOf: types.map(convert) };

  const object = (type: ts.Type): Schema => {
    const known = names.get(type);
    if (known !== undefined) return { $ref: known };
    const name = nameFor(type);
    names.set(type, name);
    definitions[name] = {};
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const property of checker.getPropertiesOfType(type)) {
      const inner = checker.getTypeOfSymbol(property);
      if (inner.getCallSignatures().length > 0 || property.name === 'lastResponse') continue;
      properties[property.name] = convert(inner);
      if (!(property.flags & ts.SymbolFlags.Optional)) required.push(property.name);
    }
    const index = checker.getIndexTypeOfType(type, ts.IndexKind.String);
    definitions[name] = {
      type: 'object',
      properties,
      required,
      ...(index !== undefined
        ? { additionalProperties: convert(index) }
        : Object.keys(properties).length > 0
          ? { additionalProperties: false as const }
          : {}),
    };
    return { $ref: name };
  };

  return {
    definitions,
    convert,
    typeOf: (node: ts.TypeNode): ts.Type => checker.getTypeFromTypeNode(node),
    /** A type by its name, through namespaces, exported by a file. */
    declared: (file: ts.SourceFile, path: string[]): ts.Type => {
      let scope = checker.getSymbolAtLocation(file)!;
      for (const name of path)
        scope = checker.getExportsOfModule(scope).find((one) => one.name === name)!;
      return checker.getDeclaredTypeOfSymbol(scope);
    },
    /** The type of a property of the type a node names. */
    property: (node: ts.TypeNode, name: string): ts.Type | null => {
      const symbol = checker.getTypeFromTypeNode(node).getProperty(name);
      return symbol === undefined ? null : checker.getTypeOfSymbol(symbol);
    },
  };
};
