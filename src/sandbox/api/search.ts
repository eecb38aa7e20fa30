// Stripe's search query language (https://docs.stripe.com/search#search-query-language): clauses joined
// by AND or by OR, never both. Which fields may be asked for stands in routes/search.ts.
import { invalid } from './error.ts';
import type { Wire } from '../shape/wire.ts';

/** How a field is compared: text by `:` and `~`, tokens by `:` alone, numbers also by size. */
export type FieldKind = 'text' | 'token' | 'number';
export type Fields = Record<string, FieldKind>;

type Operator = ':' | '~' | '>' | '<' | '>=' | '<=';
type Clause = {
  path: string[];
  kind: FieldKind;
  operator: Operator;
  value: string | null;
  negated: boolean;
};
export type Query = { all: boolean; clauses: Clause[] };

const clausePattern =
  /^\s*(-?)([a-z_.]+)(?:\[(["'])((?:(?!\3).)*)\3\])?\s*(:|~|>=|<=|>|<)\s*(null|-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/;
const joinPattern = /^\s+(AND|OR)\s+/i;
const clausesMax = 10;

const refuse = (message: string) => invalid(message, { param: 'query' });

/** The query, or Stripe's refusal of it. */
export const parseQuery = (text: string, fields: Fields): Query => {
  const clauses: Clause[] = [];
  const joins = new Set<string>();
  let rest = text.trim();
  for (;;) {
    const found = clausePattern.exec(rest);
    if (found === null) {
      throw refuse(
        `We were unable to parse your search query near \`${rest.slice(0, 40)}\`. See: https://docs.stripe.com/search`,
      );
    }
    clauses.push(clauseOf(found, fields));
    rest = rest.slice(found[0].length);
    if (rest.trim() === '') break;
    const join = joinPattern.exec(rest);
    joins.add(join?.[1]?.toUpperCase() ?? 'AND');
    rest = join === null ? rest : rest.slice(join[0].length);
    if (clauses.length >= clausesMax)
      throw refuse(`At most ${clausesMax} clauses may be searched.`);
  }
  if (joins.size > 1) throw refuse('You cannot combine AND and OR in one search query.');
  return { all: !joins.has('OR'), clauses };
};

const clauseOf = (found: RegExpExecArray, fields: Fields): Clause => {
  const [, minus, name = '', , key, operator, raw = ''] = found;
  const kind = fields[name];
  if (kind === undefined || (key === undefined) === (name === 'metadata')) {
    throw refuse(`Field \`${name}\` is an unsupported search field for this resource.`);
  }
  const sizes = operator !== ':' && operator !== '~';
  if ((sizes && kind !== 'number') || (operator === '~' && kind !== 'text')) {
    throw refuse(`Operator \`${operator ?? ''}\` cannot be used with field \`${name}\`.`);
  }
  const value =
    raw === 'null' ? null : raw.replace(/^(["'])(.*)\1$/s, '$2').replaceAll(/\\(.)/gs, '$1');
  if (operator === '~' && (value ?? '').length < 3)
    throw refuse('Substring matches need at least 3 characters.');
  return {
    path: key === undefined ? name.split('.') : [name, key],
    kind,
    operator: operator as Operator,
    value,
    negated: minus === '-',
  };
};

/** Whether an object, as Stripe shows it, is what the query asks for. */
export const matchesQuery = ({ all, clauses }: Query, object: Wire): boolean => {
  const holds = (clause: Clause): boolean => isMatch(clause, object) !== clause.negated;
  return all ? clauses.every(holds) : clauses.some(holds);
};

const isMatch = (clause: Clause, object: Wire): boolean => {
  const held = clause.path.reduce<unknown>(
    (value, key) => (value as Wire | null | undefined)?.[key],
    object,
  );
  const { operator, value } = clause;
  if (value === null || held === null || held === undefined) return (held ?? null) === value;
  if (clause.kind === 'number') return compares(Number(held), operator, Number(value));
  const plain = (text: string): string => (clause.kind === 'text' ? text.toLowerCase() : text);
  const is = plain(typeof held === 'string' ? held : JSON.stringify(held));
  return operator === '~' ? is.includes(plain(value)) : is === plain(value);
};

const compares = (held: number, operator: Operator, value: number): boolean => {
  switch (operator) {
    case '>':
      return held > value;
    case '<':
      return held < value;
    case '>=':
      return held >= value;
    case '<=':
      return held <= value;
    default:
      return held === value;
  }
};
