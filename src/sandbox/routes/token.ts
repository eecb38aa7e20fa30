// /v1/tokens and /v1/sources (https://docs.stripe.com/api/tokens, https://docs.stripe.com/api/sources):
// cards handed on without their number, as clients of the old kind do. Cards alone.
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing, missingParam } from '../api/error.ts';
import { clearable, currency, mergeMetadata, metadata, text } from '../api/params.ts';
import { makeOldMethod, makeToken, takeToken } from '../billing/token.ts';
import { emit } from '../delivery/event.ts';
import { showSource } from '../shape/source.ts';
import type { PaymentMethod, SourceOwner, Token } from '../store/entity-payment.ts';
import { newId, randomText, type World } from '../world.ts';

/** What a card of the old kind says about its owner. */
export const cardFacts = {
  address_city: text.optional(),
  address_country: text.optional(),
  address_line1: text.optional(),
  address_line2: text.optional(),
  address_state: text.optional(),
  address_zip: text.optional(),
  name: text.optional(),
};
const month = z.string().regex(/^(0?[1-9]|1[0-2])$/, "Your card's expiration month is invalid.");
const year = z.string().regex(/^(\d{2}|\d{4})$/, "Your card's expiration year is invalid.");
const tokenParams = z.strictObject({
  card: z.strictObject({
    number: z.string().regex(/^\d{12,19}$/, 'Your card number is incorrect.'),
    exp_month: month,
    exp_year: year,
    cvc: text.optional(),
    ...cardFacts,
  }),
});

const keys = ['city', 'country', 'line1', 'line2', 'postal_code', 'state'] as const;
const address = z.strictObject(
  Object.fromEntries(keys.map((key) => [key, clearable(text).optional()])),
);
const owner = z.strictObject({
  address: address.optional(),
  email: text.optional(),
  name: text.optional(),
  phone: text.optional(),
});
const sourceParams = z.strictObject({
  type: z.literal('card'),
  currency: currency.optional(),
  metadata: metadata.optional(),
  owner: owner.optional(),
  token: text,
  usage: z.enum(['reusable', 'single_use']).optional(),
});
const updateParams = z.strictObject({ metadata: metadata.optional(), owner: owner.optional() });

/** What was said, without what was not. */
export const given = <T extends object>(asked: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

const createToken = (world: World, { card }: z.output<typeof tokenParams>): Token => {
  const { number, exp_month: m, exp_year: y, cvc: _cvc, ...facts } = card;
  const expires = { month: Number(m), year: y.length === 2 ? 2000 + Number(y) : Number(y) };
  return makeToken(world, { number, expires, facts: given(facts) });
};

const nobody: SourceOwner = { address: null, email: null, name: null, phone: null };

const ownerOf = (before: SourceOwner, asked: z.output<typeof owner> = {}): SourceOwner => ({
  ...before,
  ...given(asked),
  address:
    asked.address === undefined
      ? before.address
      : Object.fromEntries(keys.map((key) => [key, asked.address?.[key] ?? null])),
});

const createSource = (world: World, asked: z.output<typeof sourceParams>): PaymentMethod => {
  const id = newId('src');
  const made = makeOldMethod(world, takeToken(world, asked.token, 'token'), { id });
  const source = world.store.update('payment_method', made.id, {
    metadata: mergeMetadata({}, asked.metadata),
    _source: {
      client_secret: `src_client_secret_${randomText(24)}`,
      currency: asked.currency ?? null,
      usage: asked.usage ?? 'reusable',
      owner: ownerOf(nobody, asked.owner),
    },
  });
  emit(world, 'source.chargeable', showSource(source));
  return source;
};

const findSource = (world: World, id: string | undefined): PaymentMethod => {
  const source = world.store.get('payment_method', id ?? '');
  if (source?._source === undefined) throw missing('source', id ?? '', 'source');
  return source;
};

export const tokenEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/tokens', tokenParams, ({ world, params }) => createToken(world, params)),
  endpoint('GET', '/v1/tokens/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'token', ids['id'], 'token'),
  ),
  endpoint('POST', '/v1/sources', sourceParams, ({ world, params }) => ({
    raw: showSource(createSource(world, params)),
  })),
  endpoint(
    'GET',
    '/v1/sources/:id',
    z.strictObject({ client_secret: text.optional() }),
    ({ world, params, ids }) => {
      const source = findSource(world, ids['id']);
      const secret = params.client_secret;
      if (secret !== undefined && secret !== source._source?.client_secret) {
        throw missingParam('source', source.id, 'client_secret');
      }
      return { raw: showSource(source) };
    },
  ),
  endpoint('POST', '/v1/sources/:id', updateParams, ({ world, params, ids }) => {
    const source = findSource(world, ids['id']);
    const { _source: facts } = source;
    if (facts === undefined) throw invalid('This source cannot be changed.');
    const updated = world.store.update('payment_method', source.id, {
      metadata: mergeMetadata(source.metadata, params.metadata),
      _source: { ...facts, owner: ownerOf(facts.owner, params.owner) },
    });
    return { raw: showSource(updated) };
  }),
];
