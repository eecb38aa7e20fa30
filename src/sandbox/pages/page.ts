// What every page does: look the thing up by id and secret, act in one transaction, answer with a
// redirect or the page again with what went wrong.
import { timingSafeEqual } from 'node:crypto';
import type { Express, Request, Response } from 'express';
import { StripeError } from '../api/error.ts';
import { parseForm, isProblem } from '../api/form.ts';
import type { World } from '../world.ts';
import { escape, sendPage } from './html.ts';

export type PageParts = { world: World; committed: () => void };

/** The fields of a posted form; lists and nests are left out. */
export const fieldsOf = (request: Request): Record<string, string> => {
  const parsed = parseForm(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '');
  if (isProblem(parsed)) return {};
  return Object.fromEntries(
    Object.entries(parsed).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
};

/** Acts; answers the message of what Stripe would refuse, or null. */
export const act = <R>(
  { world, committed }: PageParts,
  work: () => R,
): { done: R } | { problem: string } => {
  world.request = { id: null, idempotency_key: null };
  try {
    return {
      done: world.store.transaction(work, (error) => error instanceof StripeError && error.keeps),
    };
  } catch (error) {
    if (error instanceof StripeError) return { problem: error.body.message };
    throw error;
  } finally {
    committed();
  }
};

export const isSame = (given: string, wanted: string): boolean => {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
};

export const gone = (response: Response, message: string): void =>
  sendPage(response, 'Nothing here', `<p>${escape(message)}</p>`, 404);

export type Mount = (app: Express, parts: PageParts) => void;

export const param = (request: Request, name: string): string => String(request.params[name] ?? '');
