// The words about a subscription's life that more than one action needs: which statuses still live, and which
// are the end. What a status is worth to a caller of the API is decided in access.ts.

/** Statuses in which Stripe serves or still may; one that is new to us counts as alive, so that it is seen. */
export function isLive(status: string): boolean {
  return status !== 'incomplete' && !isFinal(status);
}

/** Nothing comes after these (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses). */
export function isFinal(status: string): boolean {
  return status === 'canceled' || status === 'incomplete_expired';
}

/** The columns of `next` that differ from those of `row`, on both sides; null where none does. */
export function difference<Row extends object>(
  row: Row,
  next: Partial<Row>,
): { before: Partial<Row>; after: Partial<Row> } | null {
  const names = (Object.keys(next) as (keyof Row)[]).filter(
    (name) => !isSame(row[name], next[name]),
  );
  if (names.length === 0) return null;
  const pick = (from: Partial<Row>) =>
    Object.fromEntries(names.map((name) => [name, from[name]])) as Partial<Row>;
  return { before: pick(row), after: pick(next) };
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b;
}
