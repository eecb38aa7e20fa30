// Outcomes as HTTP: one decision, several envelopes. Knows the headers of the contract and the one form that
// nginx's auth_request understands; decides nothing. X-Accel-Expires stands before Cache-Control: nginx takes the first.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ActionLinks } from '../adapters/action-link.ts';
import type { Allow, Deny } from '../domain/entitlement.ts';
import { secondsUntil } from '../domain/window.ts';
import type { Outcome } from './check.ts';
import type { Denied } from '../actions/denial.ts';
import { buildProblem } from '../actions/denial.ts';
import type { DenialCode } from '../domain/denial.ts';
import { allowLifetime, denyLifetime } from './lifetime.ts';
import { createProblemText } from './problem-text.ts';
import { rateLimit, rateLimitPolicy, remaining } from './rate-limit.ts';
import type { Form } from './request.ts';
import { sendWhole } from './send.ts';

export type Answerer = ReturnType<typeof createAnswerer>;

const retryUnverifiedAfterSeconds = 5;
/** auth_request passes on 401 and 403 alone; the true status travels in a header. */
const nginxStatus: Record<number, number> = { 401: 401, 402: 403, 403: 403, 429: 403, 503: 503 };

export function createAnswerer(options: {
  publicUrl: string;
  links: ActionLinks;
  nowMs: () => number;
}) {
  const { publicUrl, links, nowMs } = options;
  const writeProblem = createProblemText({ publicUrl, links });

  function send(
    request: IncomingMessage,
    response: ServerResponse,
    form: Form,
    outcome: Outcome,
  ): void {
    const { verdict } = outcome;
    if (verdict.allowed) sendAllow(request, response, outcome, verdict);
    else sendDeny(request, response, form, outcome, verdict);
  }

  function sendAllow(
    request: IncomingMessage,
    response: ServerResponse,
    outcome: Outcome,
    verdict: Allow,
  ): void {
    const access = outcome.isDegraded ? 'degraded' : verdict.grade;
    const body = `{"allowed":true,"status":200,"access":"${access}","decision_id":"${outcome.decisionId}"}`;
    const headers = [
      'Content-Type', 'application/json',
      'X-Accel-Expires', allowLifetime(verdict, outcome.isDegraded),
      'Cache-Control', 'no-store',
      'X-Entitlement-Status', '200',
      'X-Decision-Id', outcome.decisionId,
      'X-Customer-Id', verdict.customerId ?? '',
      'X-Plan', verdict.plan ?? '',
      'X-Feature', verdict.feature ?? '',
      'X-Entitlement-Access', access,
      'Content-Length', String(body.length),
    ]; // prettier-ignore
    addRateLimit(headers, outcome);
    sendWhole(response, 200, headers, request.method === 'HEAD' ? '' : body);
  }

  function sendDeny(
    request: IncomingMessage,
    response: ServerResponse,
    form: Form,
    outcome: Outcome,
    verdict: Deny,
  ): void {
    const { status, json, link } = writeProblem(deniedOf(outcome, verdict));
    const isNginx = form === 'nginx';
    const body = isNginx ? '' : json;
    const headers = [
      'Content-Type', 'application/problem+json',
      'X-Accel-Expires', denyLifetime(status),
      'Cache-Control', 'no-store',
      'X-Entitlement-Status', String(status),
      'X-Decision-Id', outcome.decisionId,
      'Link', link,
      'Content-Length', String(body.length),
    ]; // prettier-ignore
    if (isNginx) headers.push('X-Entitlement-Problem', json);
    if (status === 401) headers.push('WWW-Authenticate', 'Bearer');
    const retryAfter = retryAfterOf(outcome, status, verdict.code);
    if (retryAfter !== null) headers.push('Retry-After', String(retryAfter));
    addRateLimit(headers, outcome);
    const statusHere = isNginx ? nginxStatus[status]! : status;
    sendWhole(response, statusHere, headers, request.method === 'HEAD' ? '' : body);
  }

  function addRateLimit(headers: string[], { limits, used, held, full }: Outcome): void {
    if (limits.length === 0) return;
    headers.push('RateLimit-Policy', rateLimitPolicy(limits));
    const nearest = used && rateLimit(limits, taken(used, held), full, nowMs());
    if (nearest) headers.push('RateLimit', nearest);
  }

  function retryAfterOf({ full }: Outcome, status: number, code: DenialCode): number | null {
    if (status === 503) return retryUnverifiedAfterSeconds;
    if (full && (code === 'rate_limited' || code === 'quota_exhausted')) {
      return secondsUntil(full.end, nowMs());
    }
    return null;
  }

  /** The same outcome as data, for the POST forms: always the same members, whatever was decided. */
  function asData(outcome: Outcome) {
    const { verdict, decisionId, limits, used, held } = outcome;
    const counted = limits.map((limit, index) => ({
      feature: limit.feature,
      scope: limit.scope,
      window: limit.window,
      max: limit.max,
      used: used?.[index] ?? null,
      remaining: used ? remaining(limit, used[index]! + (held?.[index] ?? 0)) : null,
      resets_at: new Date(limit.end).toISOString(),
    }));
    if (!verdict.allowed) {
      const problem = buildProblem(publicUrl, links, deniedOf(outcome, verdict));
      const retry_after = retryAfterOf(outcome, problem.status, problem.code);
      return {
        allowed: false,
        access: null,
        customer_id: verdict.customerId,
        limits: counted,
        retry_after,
        ...problem,
      };
    }
    return {
      allowed: true,
      status: 200,
      code: null,
      access: outcome.isDegraded ? 'degraded' : verdict.grade,
      customer_id: verdict.customerId,
      plan: verdict.plan,
      feature: verdict.feature,
      limits: counted,
      decision_id: decisionId,
      data_as_of: new Date(outcome.asOf).toISOString(),
    };
  }

  return { send, asData };
}

function deniedOf(outcome: Outcome, verdict: Deny): Denied {
  const { full, limits, used, held, decisionId, asOf, basis } = outcome;
  const at = full ? limits.indexOf(full) : -1;
  const counts = { used: used?.[at] ?? null, held: held?.[at] ?? null };
  return { verdict, full, ...counts, decisionId, asOf, plans: basis.book?.plans ?? null };
}

/** Without a reservation, what is used. */
function taken(used: number[], held: number[] | null): number[] {
  return held?.some(Boolean) ? used.map((units, index) => units + held[index]!) : used;
}
