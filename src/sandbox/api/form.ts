// Form bodies and queries as Stripe reads them: `a[b][0][c]=v` and `a[]=v`. Bounded in count and
// depth; objects have no prototype, so that no key can reach one.

export type FormValue = string | FormValue[] | { [key: string]: FormValue };
export type Form = { [key: string]: FormValue };

const pairsMax = 2_000;
const depthMax = 10;

/** The parsed form, or a message that says what is wrong with it. */
export const parseForm = (text: string): Form | { problem: string } => {
  const root = emptyNode();
  let pairs = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1;
    if (pairs > pairsMax) return { problem: `Too many parameters: at most ${pairsMax}.` };
    const path = pathOf(name);
    if (path === null) return { problem: `Invalid parameter name: ${name.slice(0, 100)}` };
    if (!assign(root, path, value))
      return { problem: `Conflicting parameter: ${name.slice(0, 100)}` };
  }
  return settle(root) as Form;
};

export const isProblem = (form: Form | { problem: string }): form is { problem: string } =>
  Object.getPrototypeOf(form) !== null;

type Node = { [key: string]: Node | string };
const emptyNode = (): Node => Object.create(null) as Node;

const pathOf = (name: string): string[] | null => {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) return null;
  const inner = [...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1] ?? '');
  return inner.length < depthMax ? [match[1]!, ...inner] : null;
};

const assign = (root: Node, path: string[], value: string): boolean => {
  let node = root;
  for (const [depth, part] of path.entries()) {
    const key = part === '' ? String(Object.keys(node).length) : part;
    if (depth === path.length - 1) {
      if (typeof node[key] === 'object') return false;
      node[key] = value;
      return true;
    }
    const next = node[key] ?? (node[key] = emptyNode());
    if (typeof next === 'string') return false;
    node = next;
  }
  return false;
};

/** Nodes whose keys are all indices are lists, in the order of the indices. */
const settle = (node: Node): FormValue => {
  const keys = Object.keys(node);
  const settled = (key: string): FormValue => {
    const value = node[key]!;
    return typeof value === 'string' ? value : settle(value);
  };
  if (keys.length > 0 && keys.every((key) => /^\d{1,6}$/.test(key))) {
    return keys.sort((a, b) => Number(a) - Number(b)).map(settled);
  }
  const object = Object.create(null) as Form;
  for (const key of keys) object[key] = settled(key);
  return object;
};
