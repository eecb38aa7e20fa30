// How an object of Stripe's becomes due for a look, and what a look consists of. Looks at nothing itself.
import type Stripe from 'stripe';
import type { Tx } from '../../adapters/postgres.ts';
import type { RootKind } from '../../domain/stripe-event.ts';

/** One thing that Stripe says otherwise than we had it. */
export type Change = { object: string; field: string; ours: unknown; stripes: unknown };

/** One kind of root object: how it is fetched and what is then written. */
export type Reader<Found> = {
  /** Called with no transaction open. */
  fetch(stripe: Stripe, id: string): Promise<Found>;
  /**
   * `found` is null where Stripe has said by event that it is gone. Adds to `changes` what it writes of Stripe's
   * word. Returns the alarm to raise, or null.
   */
  save(
    tx: Tx,
    look: { id: string; now: Date; found: Found | null; changes: Change[] },
  ): Promise<string | null>;
};

/** Notes each column in which a row became another. */
export function noteChanges(
  changes: Change[],
  object: string,
  { before, after }: { before: object; after: object },
): void {
  const ours = before as Record<string, unknown>;
  for (const [field, stripes] of Object.entries(after)) {
    changes.push({ object, field, ours: ours[field] ?? null, stripes });
  }
}

/** Marks an object as due, in the caller's transaction. Returns the number that `done` must reach. */
export async function want(
  tx: Tx,
  root: { kind: RootKind; id: string; deleted?: boolean },
): Promise<number> {
  const rows = await tx.$queryRaw<{ wanted: bigint }[]>`
    INSERT INTO stripe_object (id, kind, wanted, deleted_seen)
    VALUES (${root.id}, ${root.kind}, 1, ${root.deleted ?? false})
    ON CONFLICT (id) DO UPDATE SET wanted = stripe_object.wanted + 1, next_attempt_at = NULL,
      deleted_seen = stripe_object.deleted_seen OR excluded.deleted_seen
    RETURNING wanted`;
  return Number(rows[0]!.wanted);
}
