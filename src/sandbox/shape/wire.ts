// What the shapes share: the row without our private keys, and an embedded list.
import type { AnyRow } from '../store/table.ts';

export type Wire = Record<string, unknown>;

/** The row as it may leave: keys with `_` are ours alone. */
export const publicPart = (row: AnyRow): Wire => {
  const shown: Wire = {};
  for (const [key, value] of Object.entries(row)) if (!key.startsWith('_')) shown[key] = value;
  return shown;
};

/**
 * Layers of fields, the later over the earlier. For large objects: spreading fifty fields after
 * fifty others takes ten times as long.
 */
export const layered = (...layers: Wire[]): Wire => Object.assign({}, ...layers) as Wire;

/** A list inside an object; all of it, as Stripe gives up to ten. */
export const embedded = (url: string, data: unknown[], total = data.length): Wire => ({
  object: 'list',
  data,
  has_more: total > data.length,
  url,
});
