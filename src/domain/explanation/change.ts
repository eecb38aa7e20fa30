// What could be other than it is: each change as data, with who can make it, and several of them as a flip. Applies
// nothing; explanation-apply.ts says what a check is like once a change is made.
import type { DenialCode } from '../denial.ts';
import type { WindowKind } from '../plan.ts';
import type { Access } from '../route-policy.ts';

/** `sentence` is a clause to be told who wants the other answer. */
export type Change = { sentence: string } & (
  | { kind: 'wait'; until: string }
  | { kind: 'pay' }
  | { kind: 'resume' }
  | { kind: 'undo_refund' }
  | { kind: 'reread' }
  | { kind: 'subscribe'; plan: string }
  | { kind: 'upgrade'; plan: string }
  | { kind: 'use_key'; customer: 'same' | 'any'; plan: string | null }
  | { kind: 'add_scope'; scope: string }
  | { kind: 'unblock' }
  | { kind: 'block' }
  | { kind: 'override'; feature: string; limit: number | null; extra: number | null }
  | { kind: 'raise_key_cap'; feature: string; window: WindowKind; to: number }
  | { kind: 'raise_spend_cap'; to: number | null }
  | { kind: 'ask_fewer'; units: number }
  | { kind: 'use_units'; counter: string; feature: string; window: WindowKind; start: string; units: number }
  | { kind: 'route_policy'; id: string | null; method: string; path: string; access: Access; read_only: boolean }
  | { kind: 'default_access'; access: 'free' | 'deny' }
); // prettier-ignore

export type ChangeKind = Change['kind'];

/** Who can make a change; `time`: nobody has to. */
export type Maker = 'customer' | 'operator' | 'time';

const makers: Record<ChangeKind, Maker> = {
  wait: 'time',
  pay: 'customer',
  resume: 'customer',
  undo_refund: 'operator',
  reread: 'operator',
  subscribe: 'customer',
  upgrade: 'customer',
  use_key: 'customer',
  add_scope: 'customer',
  unblock: 'operator',
  block: 'operator',
  override: 'operator',
  raise_key_cap: 'customer',
  raise_spend_cap: 'operator',
  ask_fewer: 'customer',
  use_units: 'customer',
  route_policy: 'operator',
  default_access: 'operator',
};

export const changeKinds = Object.keys(makers) as ChangeKind[];

/** Who must act so that all are made: the operator where one of them is theirs alone. */
export function makerOf(changes: Change[]): Maker {
  const found = new Set(changes.map(({ kind }) => makers[kind]));
  if (found.has('operator')) return 'operator';
  return found.has('customer') ? 'customer' : 'time';
}

/** Changes made in this order give the other answer: `allowed`, and `code` where it is a denial. */
export type Flip = {
  changes: Change[];
  by: Maker;
  allowed: boolean;
  code: DenialCode | null;
  sentence: string;
};
