// What happened to a subscription, in the order of time: Stripe's events, the changes of state, what people were
// told, and the access that followed. Reads what was written at the time; infers nothing.
import type { Context } from '../../context.ts';
import { invalid } from '../../domain/error.ts';
import type { Caller } from '../caller.ts';
import { loadSubscription } from './subscription.ts';

type Row = {
  place: string;
  at: Date;
  kind: 'stripe_event' | 'state' | 'notice' | 'access';
  id: string;
  to: string;
  data: Told | null;
};
/** Of an event of ours; see actions/event. */
type Told = {
  subscription?: Record<string, unknown>;
  previous?: Record<string, unknown> | null;
  access?: string;
  code?: string | null;
};

const placeForm = /^\d{15} [1-4] \d{12} [\w]{1,255}$/;

/** Oldest first, so that new rows come at the end. */
export async function listTimeline(
  ctx: Context,
  caller: Caller,
  { id, limit, cursor }: { id: string; limit: number; cursor?: string | undefined },
) {
  const { stripe_subscription_id: stripeId } = await loadSubscription(ctx, caller, id);
  const after = cursor === undefined ? '' : openPlace(cursor);
  const { rows } = await ctx.pool.query<Row>(
    `SELECT * FROM (
       SELECT place(created_at, 1, 0, id) AS place, created_at AS at, 'stripe_event' AS kind, id, type AS to, NULL::jsonb AS data
       FROM stripe_event WHERE object_id = $2
       UNION ALL
       SELECT place(at, CASE WHEN type = 'entitlement.changed' THEN 4 ELSE 2 END, sequence, id), at,
         CASE WHEN type = 'entitlement.changed' THEN 'access' ELSE 'state' END, id, type, data
       FROM event WHERE subscription_id = $1 AND (type = 'entitlement.changed' OR type LIKE 'subscription.%')
       UNION ALL
       SELECT place(at, 3, 0, id), at, 'notice', id, kind, NULL FROM notice WHERE subscription_id = $1
     ) t WHERE place > $3 COLLATE "C" ORDER BY place COLLATE "C" LIMIT $4`,
    [id, stripeId, after, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { data: shown.map(view), next_cursor: last ? closePlace(last.place) : null };
}

function view({ at, kind, id, to, data }: Row) {
  return { at: at.toISOString(), kind, id, ...change({ kind, to, data }) };
}

/** `field` says what went from one to the other, where it is not plain. */
function change({ kind, to, data }: Pick<Row, 'kind' | 'to' | 'data'>) {
  if (kind === 'access') {
    const from = data?.previous?.['access'] ?? null;
    return { from, to: data?.access ?? null, field: 'access', type: to, code: data?.code ?? null };
  }
  if (kind !== 'state') return { from: null, to, field: null, type: to, code: null };
  const { subscription = {}, previous } = data ?? {};
  const field = previous ? (fields.find((name) => name in previous) ?? 'status') : 'status';
  const before = previous ? previous[field] : null;
  return { from: plain(before), to: plain(subscription[field]), field, type: to, code: null };
}

/** What tells most stands first. */
const fields = [
  'status', 'plan', 'quantity', 'pending_change', 'cancel_at', 'current_period_end', 'trial_end', 'past_due_since',
  'plan_version', 'checkout_url',
]; // prettier-ignore

function plain(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  const hasPlan = typeof value === 'object' && value !== null && 'plan' in value;
  return hasPlan && typeof value.plan === 'string' ? value.plan : null;
}

function closePlace(place: string): string {
  return Buffer.from(place, 'latin1').toString('base64url');
}

function openPlace(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  if (placeForm.test(place) && closePlace(place) === cursor) return place;
  throw invalid({ pointer: '/cursor', detail: 'is no cursor of this list' });
}
