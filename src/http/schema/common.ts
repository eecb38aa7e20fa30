// The pieces that schemas of several nouns share: ids, texts, instants, pages. Bounds on everything.
import { z } from 'zod';
import { openCursor } from '../../actions/page.ts';
import type { IdPrefix } from '../../adapters/id.ts';

const pageSizeMax = 100;
const pageSizeDefault = 20;

/** An id of ours by its prefix; anything else names nothing. */
export const id = (prefix: IdPrefix) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`), `must be an id such as ${prefix}_…`)
    .meta({ examples: [`${prefix}_01hzy3v7k2m4n6p8q0r2s4t6v8`] });

/** One line to some paragraphs of text, never blank. */
export const text = (longest: number) =>
  z.string().min(1, { abort: true }).max(longest).regex(/\S/, 'must not be blank');

/** An instant in RFC 3339, as a Date. */
export const instant = z.iso
  .datetime({ offset: true, error: 'must be an instant such as 2026-11-22T10:00:00Z' })
  .transform((value) => new Date(value))
  .refine((value) => !Number.isNaN(value.getTime()), 'must be an instant that exists');

/** An instant in an answer. */
export const instantView = z.iso.datetime();

/** Minor units of a currency, as money is counted everywhere. */
export const amount = z.int().min(0);

/** `?limit=` and `&cursor=` of every list. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `must be an integer from 1 to ${pageSizeMax}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= pageSizeMax, `must be from 1 to ${pageSizeMax}`)
    .default(pageSizeDefault)
    .meta({ description: `Rows per page, 1 to ${pageSizeMax}; ${pageSizeDefault} unless given` }),
  cursor: z
    .string()
    .max(128)
    .transform((cursor, at) => {
      const opened = openCursor(cursor);
      if (opened === null) at.addIssue({ code: 'custom', message: 'is no cursor of this list' });
      return opened ?? '';
    })
    .optional()
    .meta({ description: 'The `next_cursor` of the page before' }),
};

/** A page of a list. */
export const list = (view: z.ZodType) =>
  z.object({ data: z.array(view), next_cursor: z.string().nullable() });
