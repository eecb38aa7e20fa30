// How many checks were decided how: by bucket of time, route policy, plan and code. From the counts, which no share
// that is kept has touched. Reads only.
import type { Context } from '../../context.ts';
import type { DenialCode } from '../../domain/denial.ts';
import { denials } from '../../domain/denial.ts';
import type { Range } from './range.ts';
import { bucketsOf } from './range.ts';

const linesMax = 100;

type Sums = { checks: number; allowed: number; denied: number; unverifiable: number };
type Line = { checks: number; allowed: number; unverifiable: number };

/** `''` is what was allowed; what could not be told has a code of its own. */
const sums = `sum(checks)::bigint AS checks, coalesce(sum(checks) FILTER (WHERE code = ''), 0)::bigint AS allowed,
  coalesce(sum(checks) FILTER (WHERE code = ANY ($4)), 0)::bigint AS unverifiable`;
const inRange = 'FROM decision_count WHERE width = $1 AND start >= $2 AND start < $3';
const unverifiable = Object.entries(denials)
  .filter(([, { status }]) => status === 503)
  .map(([code]) => code);

export async function countDecisions(ctx: Context, range: Range) {
  const given = [range.width, range.since, range.until];
  const [counted, routes, plans] = await Promise.all([
    ctx.pool.query<{ start: Date; code: string; checks: number; dropped: number }>(
      `SELECT date_trunc($4, start, 'UTC') AS start, code, sum(checks)::bigint AS checks, sum(dropped)::bigint AS dropped
       ${inRange} GROUP BY 1, 2`,
      [...given, range.bucket],
    ),
    ctx.pool.query<Line & { id: string; method: string | null; path: string | null }>(
      `SELECT c.*, p.method, p.path FROM (
         SELECT route_policy_id AS id, ${sums} ${inRange} GROUP BY 1 ORDER BY checks DESC, 1 LIMIT ${linesMax}) c
       LEFT JOIN route_policy p ON p.id = c.id ORDER BY c.checks DESC, c.id`,
      [...given, unverifiable],
    ),
    ctx.pool.query<Line & { plan: string }>(
      `SELECT plan, ${sums} ${inRange} GROUP BY 1 ORDER BY checks DESC, 1 LIMIT ${linesMax}`,
      [...given, unverifiable],
    ),
  ]);
  return {
    ...byTimeAndCode(range, counted.rows),
    routes: routes.rows.map(({ id, method, path, ...line }) => ({
      ...{ route_policy_id: id || null, method, path },
      ...withDenied(line),
    })),
    plans: plans.rows.map(({ plan, ...line }) => ({ plan: plan || null, ...withDenied(line) })),
  };
}

type BucketView = Sums & { start: string; dropped: number; codes: Record<string, number> };
type Counted = { start: Date; code: string; checks: number; dropped: number };

function byTimeAndCode(range: Range, rows: Counted[]) {
  const totals = { ...none(), dropped: 0 };
  const codes = new Map<string, number>();
  const buckets = new Map(bucketsOf(range).map((start) => [start.getTime(), emptyBucket(start)]));
  for (const { start, code, checks, dropped } of rows) {
    const bucket = buckets.get(start.getTime());
    if (!bucket) continue;
    for (const sum of [totals, bucket]) {
      sum.checks += checks;
      sum[kindOf(code)] += checks;
      sum.dropped += dropped;
    }
    if (code === '') continue;
    bucket.codes[code] = checks;
    codes.set(code, (codes.get(code) ?? 0) + checks);
  }
  return {
    totals,
    buckets: [...buckets.values()],
    codes: [...codes]
      .map(([code, checks]) => ({ code, status: denials[code as DenialCode].status, checks }))
      .sort((a, b) => b.checks - a.checks),
  };
}

function emptyBucket(start: Date): BucketView {
  return { start: start.toISOString(), ...none(), dropped: 0, codes: {} };
}

function kindOf(code: string): 'allowed' | 'denied' | 'unverifiable' {
  if (code === '') return 'allowed';
  return unverifiable.includes(code) ? 'unverifiable' : 'denied';
}

function withDenied(line: Line): Sums {
  return { ...line, denied: line.checks - line.allowed - line.unverifiable };
}

function none(): Sums {
  return { checks: 0, allowed: 0, denied: 0, unverifiable: 0 };
}
