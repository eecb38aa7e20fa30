// Pages of a list, newest first, before or after a row
// (https://docs.stripe.com/api/pagination).
import { missing } from './error.ts';
import { nounOf, type ListAnswer } from './endpoint.ts';
import type { TableName, Tables } from '../store/table.ts';
import type { World } from '../world.ts';

export type Paging = {
  limit?: number | undefined;
  starting_after?: string | undefined;
  ending_before?: string | undefined;
};

const limitDefault = 10;

/** One page of the rows of a table that match. */
export const page = <T extends TableName>(
  world: World,
  table: T,
  url: string,
  paging: Paging,
  matches: (row: Tables[T]) => boolean,
): ListAnswer => {
  const rows = [...world.store.all(table)].filter(matches).reverse();
  for (const param of ['starting_after', 'ending_before'] as const) {
    const id = paging[param];
    if (id !== undefined && world.store.get(table, id) === undefined) {
      throw missing(nounOf(table), id, param);
    }
  }
  return pageOf(rows, url, paging);
};

/** One page of rows that are in order already. */
export const pageOf = (rows: Tables[TableName][], url: string, paging: Paging): ListAnswer => {
  const limit = paging.limit ?? limitDefault;
  if (paging.ending_before !== undefined) {
    const end = rows.findIndex((row) => row.id === paging.ending_before);
    const before = rows.slice(0, Math.max(end, 0));
    return { list: before.slice(-limit), hasMore: before.length > limit, url };
  }
  const start =
    paging.starting_after === undefined
      ? 0
      : rows.findIndex((row) => row.id === paging.starting_after) + 1;
  return { list: rows.slice(start, start + limit), hasMore: rows.length > start + limit, url };
};
