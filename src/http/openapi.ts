// The API's description in OpenAPI 3.1, made from the very tables that mount it: the document cannot promise
// what the code does not do. Reads schemas; never runs one.
import { z } from 'zod';
import { denials } from '../domain/denial.ts';
import { errorStatus } from '../domain/error.ts';
import type { ErrorCode } from '../domain/error.ts';
import { problemTexts } from './pages/problem-texts.ts';
import type { Operation, Who } from './route.ts';

export type JsonSchema = Record<string, unknown>;
export type OpenApi = ReturnType<typeof describeApi>;
type Response = { description: string; content?: Record<string, { schema: JsonSchema }> };
export type OperationObject = {
  operationId: string;
  tags: string[];
  summary: string;
  security: Record<string, string[]>[];
  parameters: { name: string; in: string; required: boolean; schema: JsonSchema; description?: string }[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, Response>;
}; // prettier-ignore

const problem: JsonSchema = {
  type: 'object',
  description: 'RFC 9457, with a code to act upon',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};

const securitySchemes = {
  operator: { type: 'http', scheme: 'bearer', description: 'An operator token, tgo_…' },
  customer: {
    type: 'http',
    scheme: 'bearer',
    description: 'A customer session (tgs_…), or an API key with the scope "manage" (tg_live_…, tg_test_…)',
  },
  gateway: { type: 'apiKey', in: 'header', name: 'X-Gateway-Token', description: 'A gateway token, tgg_…' },
}; // prettier-ignore

/** The whole document. */
export function describeApi(publicUrl: string, operations: Operation[]) {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of operations) {
    const path = (paths[toTemplate(operation.path)] ??= {});
    path[operation.method.toLowerCase()] = describeOperation(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tollgate',
      version: '0.1.0',
      description:
        'Subscriptions and billing for APIs. A gateway asks whether a call may pass and gets 200, or a 402 that says why and how to fix it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { securitySchemes, schemas: { problem } },
  };
}

function describeOperation(operation: Operation): OperationObject {
  const body = operation.body && toJsonSchema(operation.body, 'input');
  return {
    operationId: operationId(operation),
    tags: [operation.tag],
    summary: operation.summary,
    security: operation.who.map((who) => (who === 'anyone' ? {} : { [who]: [] })),
    parameters: [...pathParameters(operation), ...queryParameters(operation), ...headers(operation)],
    ...(body
      ? { requestBody: { required: isNeeded(body), content: { 'application/json': { schema: body } } } }
      : {}),
    responses: { [operation.status]: success(operation), ...failures(operation) },
  }; // prettier-ignore
}

function success({ answer, status }: Operation): Response {
  const description = status === 201 ? 'Created' : status === 204 ? 'Gone' : 'Done';
  if (!answer) return { description };
  return {
    description,
    content: { 'application/json': { schema: toJsonSchema(answer, 'output') } },
  };
}

/** One response per status, naming each code that may come with it. */
function failures(operation: Operation): Record<string, Response> {
  const told = [
    ...[...codesOf(operation)].map((code) => ({
      code,
      status: errorStatus[code],
      title: problemTexts[code].title,
    })),
    ...(operation.denials ?? []).map((code) => ({ code, ...denials[code] })),
  ];
  const responses: Record<string, Response> = {};
  for (const { code, status, title } of told) {
    const line = `\`${code}\`: ${title}`;
    const known = responses[status];
    if (known) known.description += ` · ${line}`;
    else {
      const schema = { $ref: '#/components/schemas/problem' };
      responses[status] = {
        description: line,
        content: { 'application/problem+json': { schema } },
      };
    }
  }
  return responses;
}

function codesOf({ who, body, params, query, method, errors = [] }: Operation): Set<ErrorCode> {
  const needs = (kind: Who) => who.includes(kind);
  const codes: (ErrorCode | false)[] = [
    !needs('gateway') && 'unauthorized',
    needs('gateway') && 'gateway_unauthorized',
    !needs('anyone') && 'forbidden',
    params !== undefined && 'not_found',
    body !== undefined && 'invalid_json',
    body !== undefined && 'body_too_large',
    body !== undefined && 'unsupported_media_type',
    (body !== undefined || query !== undefined) && 'validation_failed',
    method === 'POST' && 'idempotency_in_flight',
    method === 'POST' && 'idempotency_mismatch',
    ...errors,
    'internal',
    'unavailable',
  ];
  return new Set(codes.filter((code) => code !== false));
}

function pathParameters({ params }: Operation) {
  return propertiesOf(params).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema,
  }));
}

function queryParameters({ query }: Operation) {
  return propertiesOf(query).map(([name, schema, required]) => ({
    name,
    in: 'query',
    required,
    schema,
  }));
}

function headers({ method, who }: Operation) {
  if (method !== 'POST' || who.includes('anyone')) return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', minLength: 1, maxLength: 255 },
      description: 'The same key and body again within 24 hours: the same answer, done once',
    },
  ];
}

function propertiesOf(schema: z.ZodType | undefined): [string, JsonSchema, boolean][] {
  if (!schema) return [];
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input') as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, one]) => [name, one, required.includes(name)]);
}

function isNeeded(schema: JsonSchema): boolean {
  return Array.isArray(schema['required']) && schema['required'].length > 0;
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const json: JsonSchema = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => simplify(jsonSchema, io),
  });
  // The document names its dialect once, by being OpenAPI 3.1.
  delete json['$schema'];
  return json;
}

/** Takes away what every integer and instant would repeat; answers may grow fields, so they are not closed. */
function simplify(json: JsonSchema, io: 'input' | 'output'): void {
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (io === 'output' && json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (json['format'] === 'date-time' || json['format'] === 'email') delete json['pattern'];
  if (io === 'output') delete json['additionalProperties'];
}

/** `/plans/:key` as OpenAPI writes it. */
function toTemplate(path: string): string {
  return path.replace(/[:*](\w+)/g, '{$1}');
}

function operationId({ method, path }: Operation): string {
  const words = path.split('/').filter(Boolean);
  return [method.toLowerCase(), ...words.map((word) => word.replace(/[^a-z]/g, '_'))].join('-');
}
