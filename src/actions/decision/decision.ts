// Decisions as they were kept, for operators and for the customer they were about. Reads what was written at the
// time; decides nothing anew.
import type { DecisionRow } from '../../adapters/decision.ts';
import type { Context } from '../../context.ts';
import { invalid, notFound } from '../../domain/error.ts';
import type { Explanation } from '../../domain/explanation/explanation.ts';
import { forOwner } from '../../domain/explanation/explanation.ts';
import type { Caller } from '../caller.ts';
import { isOwner } from '../caller.ts';
import { withStateSource } from '../explanation.ts';

/** As it was written, but for the explanation; instants as the driver gives them. */
type Row = Omit<DecisionRow, 'at' | 'data_as_of' | 'explanation'> & { at: Date; data_as_of: Date };

const columns = `id, at, data_as_of, facts_age_ms, degraded, customer_id, api_key_id, plan, plan_version, subscription_id,
  method, path, route_policy_id, feature, cost, code, status, access, rule, limits`;

export type DecisionQuery = {
  limit: number;
  cursor?: string | undefined;
  customer?: string | undefined;
  code?: string | undefined;
  allowed?: boolean | undefined;
  route?: string | undefined;
  since?: Date | undefined;
  until?: Date | undefined;
};

/** The column and how it is compared, by what is asked for. */
const conditions = {
  customer: 'customer_id =',
  code: 'code =',
  route: 'route_policy_id =',
  since: 'at >=',
  until: 'at <',
} as const;

/** Newest first, in business time. */
export async function listDecisions(ctx: Context, query: DecisionQuery) {
  const values: unknown[] = [];
  const where = ['true'];
  for (const [name, condition] of Object.entries(conditions)) {
    const value = query[name as keyof typeof conditions];
    if (value !== undefined) where.push(`${condition} $${values.push(value)}`);
  }
  if (query.allowed !== undefined) where.push(`code IS ${query.allowed ? '' : 'NOT '}NULL`);
  if (query.cursor !== undefined) {
    const { at, id } = openPlace(query.cursor);
    where.push(`(at, id) < ($${values.push(at)}::timestamptz, $${values.push(id)})`);
  }
  const { rows } = await ctx.pool.query<Row>(
    `SELECT ${columns} FROM decision WHERE ${where.join(' AND ')}
     ORDER BY at DESC, id DESC LIMIT $${values.push(query.limit + 1)}`,
    values,
  );
  const shown = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return { data: shown.map(view), next_cursor: last ? closePlace(last) : null };
}

const notKept =
  'There is no such decision that you may see. Of calls that passed only a share is kept (setting decision_share_allowed).';

/** With why. `not_found` also where it was not kept, or is somebody else's. */
export async function getDecision(ctx: Context, caller: Caller, id: string) {
  const { rows } = await ctx.pool.query<Row & { explanation: Explanation | null }>(
    `SELECT ${columns}, explanation FROM decision WHERE id = $1`,
    [id],
  );
  const [found] = rows;
  if (!found || !isOwner(caller, found.customer_id)) throw notFound(notKept);
  const { explanation, ...row } = found;
  const whole = explanation && (await withStateSource(ctx, explanation));
  return {
    ...view(row),
    explanation: whole && caller.kind !== 'operator' ? forOwner(whole) : whole,
  };
}

function view({ id, at, data_as_of, ...row }: Row) {
  return {
    id,
    at: at.toISOString(),
    allowed: row.code === null,
    ...row,
    data_as_of: data_as_of.toISOString(),
  };
}

const placeForm = /^(\d{1,15}) (dec_[0-9a-hjkmnp-tv-z]{26})$/;

function closePlace({ at, id }: Row): string {
  return Buffer.from(`${at.getTime()} ${id}`, 'latin1').toString('base64url');
}

function openPlace(cursor: string): { at: Date; id: string } {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const [, ms, id] = placeForm.exec(text) ?? [];
  const at = new Date(Number(ms));
  if (id && closePlace({ at, id } as Row) === cursor) return { at, id };
  throw invalid({ pointer: '/cursor', detail: 'is no cursor of this list' });
}
