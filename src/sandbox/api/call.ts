// One API call from form to answer: parameters, deed in one transaction, expansion, replay.
// Synchronous from beginning to end, so that no two calls interleave.
import { z } from 'zod';
import type { Answer, Endpoint } from './endpoint.ts';
import { expandAll } from './expand.ts';
import { renderError, StripeError } from './error.ts';
import type { Form } from './form.ts';
import { refuseUnknownInside } from './ignored.ts';
import { refuseOlder } from './older.ts';
import { readParams, text } from './params.ts';
import { findAnswer, keepAnswer } from './replay.ts';
import { render } from '../shape/render.ts';
import type { Wire } from '../shape/wire.ts';
import type { World } from '../world.ts';

export type Incoming = {
  endpoint: Endpoint;
  ids: Record<string, string>;
  form: Form;
  requestId: string;
  idempotencyKey: string | null;
  fingerprint: string;
  /** Stripe's own CLI asks. */
  fromCli: boolean;
};
export type Outgoing = { status: number; body: unknown; replayed: boolean };

const expandSchema = z.strictObject({ expand: z.array(text).max(30).optional() });

/** Answers the call; errors are answers too. */
export const answer = (
  world: World,
  incoming: Incoming,
  log: (error: unknown) => void,
): Outgoing => {
  const { idempotencyKey: key, fingerprint } = incoming;
  try {
    const kept = key === null ? null : findAnswer(world, key, fingerprint);
    if (kept !== null) return { status: kept.status, body: kept.body, replayed: true };
    return { ...perform(world, incoming), replayed: false };
  } catch (error) {
    const known = error instanceof StripeError ? error : unexpected(error, log);
    const { requestId, endpoint } = incoming;
    const about = { publicUrl: world.publicUrl, requestId, path: endpoint.path };
    const body = renderError(known, about);
    if (key !== null && known.executed) {
      world.store.transaction(() =>
        keepAnswer(world, { key, fingerprint, status: known.status, body }),
      );
    }
    return { status: known.status, body, replayed: false };
  }
};

/** The deed and its kept answer are one transaction: a crash leaves both or neither. */
const perform = (world: World, incoming: Incoming): { status: number; body: unknown } => {
  const { endpoint, ids, idempotencyKey: key, fingerprint } = incoming;
  const { expand, ...form } = incoming.form;
  const { expand: paths = [] } = readParams(expandSchema, expand === undefined ? {} : { expand });
  refuseOlder(endpoint, form, incoming.fromCli);
  const params = readParams(endpoint.schema, form);
  refuseUnknownInside(endpoint, form);
  world.request = { id: incoming.requestId, idempotency_key: key };
  const run = endpoint.rehearses === true ? world.store.rehearse : world.store.transaction;
  return run(
    () => {
      const made = endpoint.run({ world, params: params as never, ids });
      const body = expandAll(world, show(world, made), paths);
      if (key !== null) keepAnswer(world, { key, fingerprint, status: 200, body });
      return { status: 200, body };
    },
    (error) => error instanceof StripeError && error.keeps,
  );
};

const show = (world: World, made: Answer): Wire => {
  if ('raw' in made) return made.raw;
  if (!('list' in made)) return render(world, made);
  const { list, hasMore, url } = made;
  return { object: 'list', data: list.map((row) => render(world, row)), has_more: hasMore, url };
};

/** A mistake of the sandbox itself: said as Stripe says it, logged in full. */
const unexpected = (error: unknown, log: (error: unknown) => void): StripeError => {
  log(error);
  return new StripeError(
    400,
    { type: 'api_error', message: 'The sandbox could not handle this request; its log says why.' },
    { executed: false },
  );
};
