// Tokens: a card for one use, handed on in place of its number (https://docs.stripe.com/api/tokens).
// The usual `tok_…` ids of Stripe's tests stand for cards as often as one likes. Charges nothing.
import { invalid, missingParam } from '../api/error.ts';
import type { OldCardFacts, PaymentMethod, Token } from '../store/entity-payment.ts';
import { newId, nowOn, type World } from '../world.ts';
import { cardByMagic, cardByNumber, type TestCard } from './card.ts';
import { makeMethod } from './payment-method.ts';

export type CardAsked = {
  number: string;
  expires: { month: number; year: number };
  facts: OldCardFacts;
};

/** A token for the card; the card's own id, `card_…`, is decided now and kept when it is used. */
export const makeToken = (world: World, { number, expires, facts }: CardAsked): Token =>
  world.store.put('token', {
    id: newId('tok'),
    object: 'token',
    created: nowOn(world, null),
    livemode: false,
    type: 'card',
    used: false,
    _card: { id: newId('card'), number, expires, facts },
  });

export type CardOfToken = {
  card: TestCard;
  id: string;
  magic?: string;
  expires?: { month: number; year: number };
  facts: OldCardFacts;
};

/** The card behind a token, which is used up by this. */
export const takeToken = (world: World, id: string, param: string): CardOfToken => {
  const token = world.store.get('token', id);
  if (token === undefined) {
    const card = id.startsWith('tok_') ? cardByMagic(id) : undefined;
    if (card === undefined) throw missingParam('token', id, param);
    return { card, id: newId('card'), magic: id, facts: {} };
  }
  if (token.used) {
    throw invalid(`You cannot use a Stripe token more than once: ${id}.`, {
      code: 'token_already_used',
      param,
    });
  }
  world.store.update('token', id, { used: true });
  const { _card: kept } = token;
  return { ...kept, card: cardByNumber(kept.number) };
};

/** A payment method under an id of the old kind, `card_…` or `src_…`, that no customer has yet. */
export const makeOldMethod = (
  world: World,
  from: CardOfToken,
  more: { id?: string; clock?: string | null } = {},
): PaymentMethod => {
  const { card, magic, expires, facts } = from;
  const made = makeMethod(world, card, {
    ...(magic === undefined ? {} : { magic }),
    ...(expires === undefined ? {} : { expires }),
    clock: more.clock ?? null,
  });
  world.store.remove('payment_method', made.id);
  return world.store.put('payment_method', {
    ...made,
    id: more.id ?? from.id,
    _is_source: true,
    _facts: facts,
  });
};
