// Reads a YAML file that somebody wrote: what it says, or all that is wrong with it, each with line, column and what was
// expected. Bounded in size, depth and aliases. Knows no schema of its own and opens no file.
import { isAlias, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import type { FieldError } from '../domain/error.ts';

export const fileBytesMax = 1_048_576;
const aliasesMax = 100;
const depthMax = 32;
const faultsMax = 50;

/** Where it is, by line and column counted from 1, and by name: `plans[2].price.amount`. */
export type YamlFault = { line: number; column: number; path: string; detail: string };
export type YamlRead = { value: unknown; faults: YamlFault[]; locate: Locate };
type Path = readonly PropertyKey[];
export type Locate = (path: Path, what?: 'key' | 'value') => Pick<YamlFault, 'line' | 'column'>;

/** The value of the file, or the faults of its form. */
export function readYaml(text: string): YamlRead {
  const refused = (detail: string, offset = 0): YamlRead => ({
    value: undefined,
    faults: [{ ...place(text, offset), path: '', detail }],
    locate: () => place(text, 0),
  });
  if (Buffer.byteLength(text) > fileBytesMax) return refused('the file is larger than 1 MiB');
  const deep = tooDeep(text);
  if (deep !== null) return refused('is nested too deeply', deep);
  try {
    const document = parseDocument(text, { prettyErrors: false });
    const formal = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      offset: pos[0],
      detail: message,
    }));
    const found = formal.length ? formal : nodeFaults(document);
    const locate: Locate = (path, what) => place(text, offsetOf(document, path, what));
    const faults = found
      .slice(0, faultsMax)
      .map(({ offset, detail }) => ({ ...place(text, offset), path: '', detail }));
    if (faults.length) return { value: undefined, faults, locate };
    const value: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return isDeeper(value, depthMax) ? refused('is nested too deeply') : { value, faults, locate };
  } catch (error) {
    const isBomb = error instanceof ReferenceError;
    return refused(isBomb ? `aliases stand for too much; ${bound}` : 'cannot be read as YAML');
  }
}

const bound = `at most ${aliasesMax} may be used`;

/** What is YAML and yet nothing that a file of ours may hold: aliases of nothing or of themselves, keys that are lists. */
function nodeFaults(document: Document): { offset: number; detail: string }[] {
  const found: { offset: number; detail: string }[] = [];
  let aliases = 0;
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key)) return;
      found.push({ offset: (key as Node | null)?.range?.[0] ?? 0, detail: 'a key must be a text' });
    },
    Alias: (_, alias) => {
      const offset = alias.range?.[0] ?? 0;
      aliases += 1;
      // To resolve one takes a walk through the file.
      if (aliases > aliasesMax) {
        found.push({ offset, detail: `too many aliases; ${bound}` });
        return visit.BREAK;
      }
      const range = alias.resolve(document)?.range;
      if (!range) found.push({ offset, detail: `no anchor "&${alias.source}" stands before this` });
      else if (range[0] <= offset && offset < range[2]) {
        found.push({ offset, detail: `"*${alias.source}" stands within what it names` });
      }
      return undefined;
    },
  });
  return found;
} // prettier-ignore

/** The file held against a schema: all that is wrong at once, in the order of the lines; `further` adds what no schema says. */
export function parseYaml<T>(
  text: string,
  schema: z.ZodType<T>,
  further: (value: unknown) => FieldError[] = () => [],
): { value: T; locate: Locate } | { faults: YamlFault[] } {
  const { value, faults, locate } = readYaml(text);
  if (faults.length) return { faults };
  const parsed = schema.safeParse(value);
  const found = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => ofIssue(issue, schema, locate))),
    ...further(value).map((error) => faultAt(locate, error)),
  ]; // prettier-ignore
  if (parsed.success && found.length === 0) return { value: parsed.data, locate };
  return { faults: found.sort(byPlace).slice(0, faultsMax) };
}

/** What a pointer (RFC 6901) names in the file. */
export function faultAt(locate: Locate, { pointer, detail }: FieldError): YamlFault {
  const path = pointer.split('/').slice(1).map((part) => (/^\d+$/.test(part) ? Number(part) : part)); // prettier-ignore
  return { ...locate(path), path: showPath(path), detail };
}

/** As compilers say it, so that editors can jump there: `file:line:column: path: detail`. */
export function describeFault(file: string, { line, column, path, detail }: YamlFault): string {
  return `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${detail}`;
}

function ofIssue(issue: z.core.$ZodIssue, schema: z.ZodType, locate: Locate): YamlFault[] {
  const { path } = issue;
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // An option whose form fits and whose members do not is what was meant.
    const meant = issue.errors.filter((inner) =>
      inner.every(({ path: at, code }) => at.length > 0 || code === 'unrecognized_keys'),
    );
    const nearest = (meant.length ? meant : issue.errors).reduce((a, b) =>
      b.length < a.length ? b : a,
    );
    return nearest.flatMap((inner) =>
      ofIssue({ ...inner, path: [...path, ...inner.path] }, schema, locate),
    );
  }
  if (issue.code !== 'unrecognized_keys') {
    const missing = /^Invalid input: (expected .*), received undefined$/.exec(issue.message)?.[1];
    const detail = missing ? `is missing: ${missing}` : issue.message;
    return [{ ...locate(path), path: showPath(path), detail }];
  }
  const known = knownKeys(schema, path);
  const expected = known.length ? `; expected one of: ${known.join(', ')}` : '';
  return issue.keys.map((key) => ({
    ...locate([...path, key], 'key'),
    path: showPath([...path, key]),
    detail: `is unknown here${expected}`,
  }));
}

type Def = { innerType?: z.ZodType; element?: z.ZodType; shape?: Record<string, z.ZodType> };

/** The names that the schema knows at this place. */
function knownKeys(schema: z.ZodType | undefined, path: Path): string[] {
  const { innerType, element, shape } = (schema?.def ?? {}) as Def;
  if (innerType) return knownKeys(innerType, path);
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(shape ?? {});
  return knownKeys(element ?? shape?.[String(first)], rest);
}

function offsetOf(document: Document, path: Path, what: 'key' | 'value' = 'value'): number {
  let node = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [at, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    const isLast = at === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return offset;
      const keyAt = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
      offset = what === 'key' && isLast ? keyAt : (node?.range?.[0] ?? keyAt);
    } else if (isSeq(node)) {
      node = (node.items[Number(part)] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
} // prettier-ignore

/** Counted here: where a file breaks off, the parser has not seen each of its lines. */
function place(text: string, offset: number): Pick<YamlFault, 'line' | 'column'> {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** Brackets or indents without end would exhaust the parser's stack: the offset where they go too far, or null. */
function tooDeep(text: string): number | null {
  const found = /(?:[[{][ \t\r\n]*){33}|(?:^|\n)[ ]{500}|(?:[-?:][ \t]+){33}/.exec(text);
  return found && found.index;
}

function isDeeper(value: unknown, than: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return than === 0 || Object.values(value).some((inner) => isDeeper(inner, than - 1));
}

function byPlace(a: YamlFault, b: YamlFault): number {
  return a.line - b.line || a.column - b.column;
}

function showPath(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
