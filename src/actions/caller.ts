// Who asks, as told by their credential; and whose things they may touch. Never reads a header itself.
import { notFound } from '../domain/error.ts';

export type Caller =
  | { kind: 'operator'; id: string }
  | { kind: 'customer'; id: string; customerId: string }
  | { kind: 'gateway'; id: string }
  | { kind: 'anyone'; id: string };

/** 404 unless the thing is the caller's own or the caller is an operator: "not yours" looks like "not there". */
export function assertOwner(caller: Caller, customerId: string): void {
  if (caller.kind === 'operator') return;
  if (caller.kind === 'customer' && caller.customerId === customerId) return;
  throw notFound();
}
