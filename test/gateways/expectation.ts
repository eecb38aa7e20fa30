// What an answer through a gateway must look like, whichever gateway it was.
import { expect } from '@jest/globals';
import type { Received } from './client.ts';

/** A denial of Tollgate's: its status, its whole problem, and what must not be kept by anybody. */
export function expectProblem(answer: Received, status: number, code: string): void {
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers.link).toContain(`/problems/${code}>; rel="describedby"`);
  expect(answer.body).toMatchObject({ status, retryable: status === 429 || status === 503 });
  expect(answer.body.decision_id).toMatch(/^dec_/);
  expect(answer.headers['x-api']).toBeUndefined();
}

/** A 503 of the gateway's own, where Tollgate could not be asked. */
export function expectDown(answer: Received): void {
  expect(answer.status).toBe(503);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(answer.body).toMatchObject({ status: 503, code: 'unverifiable', retryable: true });
}

/** What the API is told about the caller; empty and absent are the same. */
export function identity(answer: Received): Record<string, string> {
  const told = ['x-customer-id', 'x-plan', 'x-feature', 'x-entitlement-access'];
  return Object.fromEntries(told.map((name) => [name, String(answer.body.headers[name] ?? '')]));
}

export const nobody = {
  'x-customer-id': '',
  'x-plan': '',
  'x-feature': '',
  'x-entitlement-access': '',
};
