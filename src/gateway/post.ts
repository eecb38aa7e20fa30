// The two POST forms: the call to decide comes in a body, the answer is 200 with data, and a retry under one
// Idempotency-Key counts once. Unlike the forward-auth forms they may answer 4xx for what is wrong with the question.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { hashOf, withIdempotency } from '../actions/idempotency.ts';
import type { Answer } from '../actions/idempotency.ts';
import type { Context } from '../context.ts';
import type { Asked } from '../domain/check.ts';
import { AppError, invalid } from '../domain/error.ts';
import { readOrigin } from '../domain/origin.ts';
import type { Answerer } from './answer.ts';
import type { Checker } from './check.ts';
import type { DecisionLog } from './decision-log.ts';
import type { CheckMetrics } from './metrics.ts';
import type { Credential, GatewayHeaders } from './request.ts';

const bodyBytesMax = 1_048_576;
const batchMax = 100;
const bodyWithinMs = 10_000;

const checkSchema = z
  .strictObject({
    api_key: z.string().max(256).optional(),
    customer_id: z.string().max(64).optional(),
    method: z.string().min(1).max(32).optional(),
    path: z.string().min(1).max(8_192).optional(),
    feature: z
      .string()
      .regex(/^[a-z0-9_-]{1,40}$/)
      .optional(),
    cost: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  })
  .refine(({ api_key, customer_id }) => api_key === undefined || customer_id === undefined, {
    path: ['customer_id'],
    error: 'name the api_key or the customer_id, not both',
  })
  .refine(
    ({ feature, method, path }) =>
      (feature === undefined) !== (method === undefined && path === undefined),
    {
      path: ['feature'],
      error: 'name a feature, or a method and a path',
    },
  )
  .refine(({ feature, cost }) => feature !== undefined || cost === undefined, {
    path: ['cost'],
    error: 'goes with a feature; a route policy names its own cost',
  });
const batchSchema = z.strictObject({ checks: z.array(checkSchema).min(1).max(batchMax) });

type CheckBody = z.infer<typeof checkSchema>;

export function createPostForms(
  ctx: Context,
  parts: { checker: Checker; answerer: Answerer; metrics: CheckMetrics; decisions: DecisionLog },
) {
  const { checker, answerer, metrics, decisions } = parts;

  async function decideOne(body: CheckBody) {
    const startedAt = performance.now();
    const outcome = await checker.check(credentialOf(body), askedOf(body));
    metrics.count(outcome, startedAt);
    decisions.note(outcome);
    return answerer.asData(outcome);
  }

  async function answerCheck(body: unknown): Promise<Answer> {
    const data = await decideOne(parse(checkSchema, body));
    return answerOf(data, data.status, data.decision_id);
  }

  /** In order, one after the other where they count: the first of the batch takes what is left. */
  async function answerBatch(body: unknown): Promise<Answer> {
    const { checks } = parse(batchSchema, body);
    const data = await Promise.all(checks.map(decideOne));
    return answerOf({ data }, 200, data[0]!.decision_id);
  }

  return async function answerPost(
    kind: 'check' | 'batch',
    request: IncomingMessage,
    headers: GatewayHeaders,
  ): Promise<Answer> {
    const body = await readJson(request, headers);
    const run = () => (kind === 'check' ? answerCheck(body) : answerBatch(body));
    const key = headers.get('idempotency-key');
    if (key === undefined) return run();
    if (!key || key.length > 255) {
      throw invalid({ pointer: 'Idempotency-Key', detail: 'send one, of 1 to 255 characters' });
    }
    // All gateways are one caller: a retry may come through another one, or after a token's rotation.
    const scope = ['gateway', 'POST', `/entitlements/${kind}`];
    return withIdempotency(ctx, { scope, key, requestHash: hashOf(body) }, run);
  };
}

export function sendAnswer(response: ServerResponse, answer: Answer): void {
  const length = answer.body === null ? 0 : Buffer.byteLength(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': String(length) });
  response.end(answer.body ?? undefined);
}

function answerOf(data: unknown, status: number, decisionId: string): Answer {
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Entitlement-Status': String(status),
      'X-Decision-Id': decisionId,
    },
    body: JSON.stringify(data),
  };
}

function credentialOf({ api_key: key, customer_id: id }: CheckBody): Credential {
  if (key !== undefined) return { kind: 'key', value: key };
  return id === undefined ? { kind: 'missing' } : { kind: 'customer', id };
}

function askedOf({ feature, cost, method, path }: CheckBody): Asked {
  return feature === undefined
    ? { origin: readOrigin(method, path) }
    : { feature, cost: cost ?? 1 };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalid(
    ...parsed.error.issues.map((issue) => ({
      pointer: `/${issue.path.join('/')}`,
      detail: issue.message,
    })),
  );
}

async function readJson(request: IncomingMessage, headers: GatewayHeaders): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(headers.get('content-type') ?? '')) {
    throw new AppError('unsupported_media_type', 'Send application/json.');
  }
  const text = await readBody(request);
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError('invalid_json', 'The body is no JSON.');
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => request.destroy(), bodyWithinMs);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) throw new AppError('body_too_large', 'Send at most 1 MiB.');
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
