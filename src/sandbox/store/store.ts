// Typed collections in memory with transactions: rows are replaced, never changed in place, so an
// undo list restores them. Committed changes go to the journal first. Knows nothing about billing.
import type { AnyRow, TableName, Tables } from './table.ts';

/** One committed change: the row after it, or null when it was removed. */
export type Change = [table: TableName, id: string, row: AnyRow | null];
export type Journal = { append: (changes: Change[]) => void; close: () => void };

export type Store = ReturnType<typeof createStore>;

/** Rows that no other row's shape shows. */
const unseen = new Set<TableName>(['event', 'delivery', 'timer', 'fact', 'idempotency_key']);

type Undo = { table: TableName; id: string; row: AnyRow | undefined };

/** A store over the given rows; `append` is called with every committed change before commit returns. */
export const createStore = (initial: Iterable<Change>, append: (changes: Change[]) => void) => {
  const tables = new Map<TableName, Map<string, AnyRow>>();
  const touched = new Map<string, Undo>();
  let depth = 0;
  let version = 0;

  const tableOf = (name: TableName): Map<string, AnyRow> => {
    const found = tables.get(name);
    if (found !== undefined) return found;
    const made = new Map<string, AnyRow>();
    tables.set(name, made);
    return made;
  };
  for (const [table, id, row] of initial) {
    if (row === null) tableOf(table).delete(id);
    else tableOf(table).set(id, row);
  }

  const remember = (table: TableName, id: string): void => {
    if (depth === 0) throw new Error('the store changes only inside a transaction');
    if (!unseen.has(table)) version += 1;
    const key = `${table} ${id}`;
    if (!touched.has(key)) touched.set(key, { table, id, row: tableOf(table).get(id) });
  };

  const put = <T extends TableName>(table: T, row: Tables[T]): Tables[T] => {
    remember(table, row.id);
    tableOf(table).set(row.id, row);
    return row;
  };

  const undoAll = (): void => {
    version += 1;
    for (const { table, id, row } of touched.values()) {
      if (row === undefined) tableOf(table).delete(id);
      else tableOf(table).set(id, row);
    }
    touched.clear();
  };

  const commit = (): void => {
    const changes: Change[] = [];
    for (const { table, id } of touched.values()) {
      changes.push([table, id, tableOf(table).get(id) ?? null]);
    }
    if (changes.length > 0) append(changes);
    touched.clear();
  };

  return {
    get: <T extends TableName>(table: T, id: string): Tables[T] | undefined =>
      tableOf(table).get(id) as Tables[T] | undefined,

    /** The row, which must exist: for references the sandbox made itself. */
    need: <T extends TableName>(table: T, id: string): Tables[T] => {
      const row = tableOf(table).get(id);
      if (row === undefined) throw new Error(`no ${table} ${id}`);
      return row as Tables[T];
    },

    /** Rows in the order of their creation. */
    all: <T extends TableName>(table: T): IterableIterator<Tables[T]> =>
      tableOf(table).values() as IterableIterator<Tables[T]>,

    /** Moves on with every change of a row that another row's shape may show. */
    version: (): number => version,

    size: (table: TableName): number => tableOf(table).size,

    put,

    update: <T extends TableName>(table: T, id: string, patch: Partial<Tables[T]>): Tables[T] => {
      const row = tableOf(table).get(id);
      if (row === undefined) throw new Error(`no ${table} ${id}`);
      return put(table, { ...(row as Tables[T]), ...patch });
    },

    remove: (table: TableName, id: string): void => {
      remember(table, id);
      tableOf(table).delete(id);
    },

    /**
     * Runs `work` so that all of its changes are kept or none: an error undoes them, unless
     * `keeps` says that this error is an outcome (a declined card leaves its failed charge).
     */
    transaction: <R>(work: () => R, keeps: (error: unknown) => boolean = () => false): R => {
      if (depth > 0) throw new Error('transactions do not nest');
      depth += 1;
      try {
        const result = work();
        commit();
        return result;
      } catch (error) {
        if (keeps(error)) commit();
        else undoAll();
        throw error;
      } finally {
        depth -= 1;
      }
    },

    /** Runs `work` for its answer and undoes everything it did: a preview is the deed, undone. */
    rehearse: <R>(work: () => R): R => {
      if (depth > 0) throw new Error('transactions do not nest');
      depth += 1;
      try {
        return work();
      } finally {
        undoAll();
        depth -= 1;
      }
    },

    /** Every row, as changes: what a snapshot holds. */
    *everything(): Generator<Change> {
      for (const [table, rows] of tables) for (const [id, row] of rows) yield [table, id, row];
    },
  };
};
