// The hot path, on node:http ahead of Express: token, form, check, answer. Mounts everything the check needs and
// closes it again. No Prisma, no Stripe, and no query where nothing is counted.
import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import path from 'node:path';
import { createActionLinks, keepActionLinks } from '../adapters/action-link.ts';
import { withinOr } from '../adapters/deadline.ts';
import { newId } from '../adapters/id.ts';
import { createPool } from '../adapters/postgres.ts';
import { createUsageJournal } from '../adapters/usage-journal.ts';
import type { Context } from '../context.ts';
import type { Asked } from '../domain/check.ts';
import { AppError } from '../domain/error.ts';
import { createAnswerer } from './answer.ts';
import type { Outcome } from './check.ts';
import { createChecker } from './check.ts';
import { createDecisionLog } from './decision-log.ts';
import { createFacts } from './facts.ts';
import { createKeyUse } from './key-use.ts';
import { observeChecks } from './metrics.ts';
import { createPostForms, sendAnswer } from './post.ts';
import type { Form, ForwardAuth, GatewayHeaders } from './request.ts';
import { isGatewayPath, readCredential, readEndpoint, readHeaders } from './request.ts';

const poolMax = 6;
const rereadEveryMs = 10_000;

/** Who waits for an answer, since when, and what was asked. */
type Asker = {
  request: IncomingMessage;
  response: ServerResponse;
  form: Form;
  asked: Asked;
  startedAt: number;
};

export type Gateway = ReturnType<typeof createGateway>;

export function createGateway(ctx: Context) {
  const { config } = ctx;
  const nowMs = ctx.clock.nowMs;
  const pool = createPool({
    url: config.databaseUrl,
    name: 'tollgate-check',
    max: poolMax,
    isDurable: config.usageDurability === 'durable',
  });
  const journal = createUsageJournal({
    folder: path.join(config.dataDir, 'journal'),
    pool,
    log: ctx.log,
    nowMs,
  });
  /** What PostgreSQL may take of a check's time; the rest is for what follows from its silence. */
  const waitMs = config.checkWithinMs * 0.75;
  const { keyPepper: pepper } = config;
  const facts = createFacts({ pool, notify: ctx.notify, pepper, loadWithinMs: waitMs });
  const keyUse = createKeyUse({ pool, log: ctx.log, nowMs });
  const reread = createReread(ctx);
  const checker = createChecker({
    facts,
    pool,
    nowMs,
    countWithinMs: waitMs,
    journal,
    used: keyUse.touch,
    reread,
  });
  const links = keepActionLinks(createActionLinks(config));
  const answerer = createAnswerer({ publicUrl: config.publicUrl, links, nowMs });
  const metrics = observeChecks(facts);
  const decisions = createDecisionLog({ url: config.databaseUrl, log: ctx.log });
  const answerPost = createPostForms(ctx, { checker, answerer, metrics, decisions });
  const tokens = new Set(config.gatewayTokens.map(hashToken));
  /** The valid token that a connection has shown last. */
  const shown = new WeakMap<Socket, string>();

  /** Answers what is the gateway's and says whether it was. */
  function handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (!isGatewayPath(request.url!)) return false;
    const headers = readHeaders(request);
    const endpoint = readEndpoint(request, headers);
    if (endpoint.kind === 'forward-auth') forwardAuth(request, response, headers, endpoint);
    else void rest(request, response, headers, endpoint.kind);
    return true;
  }

  function forwardAuth(
    request: IncomingMessage,
    response: ServerResponse,
    headers: GatewayHeaders,
    { form, asked }: ForwardAuth,
  ): void {
    const startedAt = performance.now();
    const outcome = isGateway(request, headers)
      ? checker.check(readCredential(headers), asked)
      : checker.denied('gateway_unauthorized', asked);
    const to = { request, response, form, asked, startedAt };
    if (outcome instanceof Promise) void answerLater(to, outcome);
    else answer(to, outcome);
  }

  async function answerLater(to: Asker, deciding: Promise<Outcome>): Promise<void> {
    try {
      const late = () => checker.unverifiable(to.asked);
      answer(to, await withinOr(config.checkWithinMs, deciding, late));
    } catch (error) {
      ctx.log.error({ err: error }, 'check failed');
      answer(to, checker.unverifiable(to.asked));
    }
  }

  function answer({ request, response, form, startedAt }: Asker, outcome: Outcome): void {
    metrics.count(outcome, startedAt);
    decisions.note(outcome);
    answerer.send(request, response, form, outcome);
  }

  async function rest(
    request: IncomingMessage,
    response: ServerResponse,
    headers: GatewayHeaders,
    kind: 'check' | 'batch' | 'unknown',
  ): Promise<void> {
    try {
      if (kind === 'unknown')
        throw new AppError('not_found', 'There is nothing here that you may see.');
      if (request.method !== 'POST') {
        throw new AppError('method_not_allowed', 'Send POST.', { headers: { Allow: 'POST' } });
      }
      if (!isGateway(request, headers)) {
        throw new AppError('gateway_unauthorized', 'Send a gateway token in X-Gateway-Token.');
      }
      sendAnswer(response, await answerPost(kind, request, headers));
    } catch (error) {
      sendAnswer(response, problemFor(error));
      // What is left of a body that was refused is not worth reading.
      if (!request.complete) request.destroy();
    }
  }

  function problemFor(error: unknown) {
    if (!(error instanceof AppError)) ctx.log.error({ err: error }, 'check failed');
    const known =
      error instanceof AppError
        ? error
        : new AppError('unavailable', 'The check could not be answered. Try again shortly.');
    const { headers = {}, ...members } = known.extra as { headers?: Record<string, string> };
    return {
      status: known.status,
      headers: {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        'X-Entitlement-Status': String(known.status),
        'X-Decision-Id': newId('dec'),
        ...(known.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
        ...(known.status === 503 ? { 'Retry-After': '2' } : {}),
        ...headers,
      },
      body: JSON.stringify({
        type: `${config.publicUrl}/problems/${known.code}`,
        title: known.message,
        status: known.status,
        detail: known.message,
        instance: `urn:tollgate:request:${newId('req')}`,
        code: known.code,
        ...members,
      }),
    };
  }

  /**
   * By hash: what a comparison's time could tell about a hash tells nothing about the token. A connection that has
   * shown a valid one need only show the same again.
   */
  function isGateway({ socket }: IncomingMessage, headers: GatewayHeaders): boolean {
    const token = headers.get('x-gateway-token');
    if (!token) return false;
    if (shown.get(socket) === token) return true;
    if (!tokens.has(hashToken(token))) return false;
    shown.set(socket, token);
    return true;
  }

  return {
    handle,
    /** Whoever wants to know when a check asks PostgreSQL listens here. */
    pool,
    isReady: checker.isReady,
    warmUp: () => facts.ruleBook.refreshed(),
    async close(): Promise<void> {
      facts.close();
      metrics.close();
      await decisions.close();
      await keyUse.close();
      await journal.close();
      await pool.end();
    },
  };
}

function hashToken(token: string): string {
  return hash('sha256', token, 'base64');
}

/** Wakes the job that reads overdue subscriptions again, at most every ten seconds. */
function createReread(ctx: Context): (subscriptionId: string) => void {
  let nextMs = 0;
  return () => {
    if (Date.now() < nextMs) return;
    nextMs = Date.now() + rereadEveryMs;
    void ctx.queue.wake('renew-subscriptions');
  };
}
