// One way to page through rows: newest first by id, and a cursor that says after which id to go on.
// Opaque to callers: it is ours to change, so whatever we did not make ourselves is refused.

export type Page = { limit: number; cursor?: string | undefined };

const idForm = /^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/;

/** The id a cursor stands for, or null where it is none of ours. */
export function openCursor(cursor: string): string | null {
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  return idForm.test(id) && makeCursor(id) === cursor ? id : null;
}

function makeCursor(id: string): string {
  return Buffer.from(id, 'latin1').toString('base64url');
}

/** Prisma's arguments for one row more than the page holds: the extra one tells that there is a next page. */
export function pageArguments(page: Page) {
  return { take: page.limit + 1, orderBy: { id: 'desc' as const } };
}

/** Prisma's `where` for what follows the cursor (an opened one: an id). */
export function afterCursor(page: Page): { id?: { lt: string } } {
  return page.cursor === undefined ? {} : { id: { lt: page.cursor } };
}

/** The rows of `pageArguments` as callers see them. */
export function toPage<Row extends { id: string }, View>(
  rows: Row[],
  page: Page,
  view: (row: Row) => View,
): { data: View[]; next_cursor: string | null } {
  const shown = rows.slice(0, page.limit);
  const last = rows.length > page.limit ? shown.at(-1) : undefined;
  return { data: shown.map(view), next_cursor: last ? makeCursor(last.id) : null };
}
