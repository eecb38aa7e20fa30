// Usage that is told after the fact, and units that are held before it. What may be repeated is repeated: the
// service counts a record once per id, and settles and releases a reservation once.
import { undecided } from './decision.ts';
import type { Http } from './http.ts';
import type { Decision, Owner, Problem, Reservation, UsageRecord } from './types.ts';

/** The service refused what was asked; `problem` says why. A denial of units is none of these. */
export class TollgateError extends Error {
  readonly status: number;
  readonly problem: unknown;
  constructor(status: number, problem: unknown) {
    super(`Tollgate answered ${status}: ${textOf(problem)}`);
    this.name = 'TollgateError';
    this.status = status;
    this.problem = problem;
  }
}

export type Reserve = Owner & {
  feature: string;
  units: number;
  /** Seconds, after which the units are free again by themselves. */
  expiresIn: number;
};
export type Reserved =
  | { allowed: true; reservation: Reservation; decision: null }
  | { allowed: false; reservation: null; decision: Decision };
export type Usage = ReturnType<typeof createUsage>;

const attempts = 4;
const firstPauseMs = 100;

export function createUsage(
  http: Http,
  options: { writeTimeoutMs: number; onError: (error: unknown) => void },
) {
  const { writeTimeoutMs: timeoutMs, onError } = options;

  /** For what is safe to do twice: again where no answer came, or one that says "later". */
  async function repeat(method: string, path: string, body?: unknown): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === attempts;
      try {
        const answer = await http(method, path, {
          timeoutMs,
          ...(body === undefined ? {} : { body }),
        });
        if (isLast || (answer.status < 500 && answer.status !== 429)) return answer;
        await answer.body?.cancel();
      } catch (error) {
        if (isLast) throw error;
      }
      await pause(firstPauseMs * 2 ** (attempt - 1));
    }
  }

  return {
    /** Records up to 1000 at once, all or none; throws `TollgateError` where one of them cannot be placed. */
    async record(records: UsageRecord | UsageRecord[]): Promise<void> {
      const body = Array.isArray(records) ? { records: records.map(recordOf) } : recordOf(records);
      await expectSuccess(await repeat('POST', '/usage', body));
    },

    /** Holds units, or says why not. Never throws for want of an answer: that is a denial with 503. */
    async reserve(wanted: Reserve): Promise<Reserved> {
      const { feature, units, expiresIn: expires_in } = wanted;
      const body = { ...ownerOf(wanted), feature, units, expires_in };
      let answer: Response;
      try {
        answer = await http('POST', '/usage/reservations', { body, timeoutMs });
      } catch (error) {
        onError(error);
        return { allowed: false, reservation: null, decision: undecided('closed') };
      }
      if (answer.status === 201) {
        const reservation = (await answer.json()) as Reservation;
        return { allowed: true, reservation, decision: null };
      }
      return { allowed: false, reservation: null, decision: await deniedBy(answer) };
    },

    /** Records what was used, also above what was held. */
    async settle(id: string, units: number): Promise<Reservation> {
      const path = `/usage/reservations/${encodeURIComponent(id)}/settlement`;
      const answer = await expectSuccess(await repeat('POST', path, { units }));
      return (await answer.json()) as Reservation;
    },

    /** Gives the units back. */
    async release(id: string): Promise<void> {
      const path = `/usage/reservations/${encodeURIComponent(id)}`;
      await expectSuccess(await repeat('DELETE', path));
    },
  };
}

/** A denial has a decision's code; anything else that is no success is a mistake of the caller. */
async function deniedBy(answer: Response): Promise<Decision> {
  const problem = (await answer.json().catch(() => null)) as Problem | null;
  if (!problem || !Array.isArray(problem.actions)) {
    if (answer.status >= 500) return undecided('closed');
    throw new TollgateError(answer.status, problem);
  }
  const retryAfter = answer.headers.get('retry-after');
  return {
    allowed: false,
    status: problem.status,
    code: problem.code,
    customerId: null,
    plan: problem.plan,
    feature: problem.feature,
    access: null,
    decisionId: problem.decision_id,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfter === null ? {} : { 'retry-after': retryAfter }),
    },
    problem,
    source: 'service',
  };
}

async function expectSuccess(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  throw new TollgateError(answer.status, await answer.json().catch(() => null));
}

function ownerOf(owner: Owner): { api_key: string } | { customer_id: string } {
  return 'apiKey' in owner ? { api_key: owner.apiKey } : { customer_id: owner.customerId };
}

function recordOf(record: UsageRecord) {
  const { feature, units, id, at } = record;
  return { ...ownerOf(record), feature, units, id, ...(at ? { at: at.toISOString() } : {}) };
}

function textOf(problem: unknown): string {
  const detail = (problem as { detail?: unknown } | null)?.detail;
  return typeof detail === 'string' ? detail : 'no detail';
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
