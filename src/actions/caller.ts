// Who asks, as told by their credential; and whose things they may touch. Never reads a header itself.
import { notFound } from '../domain/error.ts';

export type Caller =
  | { kind: 'operator'; id: string }
  | { kind: 'customer'; id: string; customerId: string }
  | { kind: 'gateway'; id: string }
  | { kind: 'anyone'; id: string };

/** 404 unless the thing is the caller's own or the caller is an operator: "not yours" looks like "not there". */
export function assertOwner(caller: Caller, customerId: string): void {
  if (!isOwner(caller, customerId)) throw notFound();
}

/** `customerId` null: nobody's, so no customer's. */
export function isOwner(caller: Caller, customerId: string | null): boolean {
  if (caller.kind === 'operator') return true;
  return caller.kind === 'customer' && caller.customerId === customerId;
}
