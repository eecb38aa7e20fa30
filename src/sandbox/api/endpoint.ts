// How an endpoint is declared: method, path, parameters, deed. The tables in routes/ are lists of these.
import type { z } from 'zod';
import { missing } from './error.ts';
import type { Customer } from '../store/entity.ts';
import type { TableName, Tables } from '../store/table.ts';
import { nowOn, type World } from '../world.ts';

export type Call<P> = { world: World; params: P; ids: Record<string, string> };

/** What a deed answers: rows are shown as Stripe shows them, anything else leaves as it is. */
export type Answer = Tables[TableName] | ListAnswer | Raw;
export type ListAnswer = { list: Tables[TableName][]; hasMore: boolean; url: string };
export type Raw = { raw: Record<string, unknown> };

export type Method = 'GET' | 'POST' | 'DELETE';
export type Endpoint = {
  method: Method;
  path: string;
  schema: z.ZodType;
  /** Its deeds are undone once its answer is known: a preview. */
  rehearses?: boolean;
  run: (call: Call<never>) => Answer;
};

export const endpoint = <S extends z.ZodType>(
  method: Method,
  path: string,
  schema: S,
  run: (call: Call<z.output<S>>) => Answer,
): Endpoint => ({ method, path, schema, run });

/** The row that the path or a parameter names, or Stripe's 404. */
export const find = <T extends TableName>(
  world: World,
  table: T,
  id: string | undefined,
  param = 'id',
): Tables[T] => {
  const row = id === undefined ? undefined : world.store.get(table, id);
  if (row === undefined) throw missing(nounOf(table), id ?? '', param);
  return row;
};

const nouns: Partial<Record<TableName, string>> = {
  payment_method: 'PaymentMethod',
  payment_intent: 'payment_intent',
  setup_intent: 'setupintent',
  'test_helpers.test_clock': 'testclock',
  'checkout.session': 'checkout.session',
};
export const nounOf = (table: TableName): string => nouns[table] ?? table;

/** A customer that was not deleted. */
export const findCustomer = (world: World, id: string, param = 'customer'): Customer => {
  const customer = find(world, 'customer', id, param);
  if (customer._deleted) throw missing('customer', id, param);
  return customer;
};

/** Now for a customer: the test clock's instant where it has one. */
export const customerNow = (world: World, customer: Customer | null): number =>
  nowOn(world, customer?.test_clock ?? null);
