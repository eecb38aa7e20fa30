// How answers are written for people: rows under headings, one object line by line, instants and counts. Decides
// nothing and writes nothing itself.
import { clean } from './terminal.ts';

export type Column<Row> = { title: string; of: (row: Row) => string | number | boolean | null };

const gap = '  ';

/** Aligned columns under their titles; nothing ends in blanks. */
export function table<Row>(columns: Column<Row>[], rows: Row[]): string[] {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ of }) => cell(of(row)))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) =>
    line
      .map((text, at) => text.padEnd(widths[at]!))
      .join(gap)
      .trimEnd(),
  );
}

/** One object, a line for each field; what is nested gets a name with a dot. */
export function details(value: object): string[] {
  const fields = flatten(value, '');
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, text]) => `${name.padEnd(width)}${gap}${text}`.trimEnd());
}

function flatten(value: object, prefix: string): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    hasMembers(inner)
      ? flatten(inner, `${prefix}${name}.`)
      : [[prefix + clean(name), valueText(inner)]],
  );
}

function hasMembers(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const members: unknown[] = Object.values(value);
  // A list of words stands on one line.
  if (Array.isArray(value)) return members.some((one) => typeof one === 'object');
  return members.length > 0;
}

/** Any value of an answer on one line. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return cell(null);
  if (typeof value === 'string') return cell(isInstant(value) ? instant(value) : value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) {
    return cell(value.join(', '));
  }
  return clean(JSON.stringify(value));
}

function cell(value: string | number | boolean | null): string {
  return value === null || value === '' ? '-' : clean(String(value));
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text);
}

/** To the second: nobody reads milliseconds. */
export function instant(text: string | null): string | null {
  return text && text.replace(/\.\d+(?=Z|[+-])/, '');
}

/** `1 row`, `2 rows`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}
