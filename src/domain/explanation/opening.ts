// How the rules of a route could ask less of a call, or shut it: changes of the policy that decides, or of what decides
// where none does.
import { hideKeys } from '../api-key.ts';
import type { Check } from '../check.ts';
import { rulingOf } from '../check.ts';
import type { Change } from './change.ts';
import { matchesOf } from './policy.ts';
import type { Access } from '../route-policy.ts';
import { describePathFault } from '../route-policy.ts';

/** The least that may help first: a policy for reading, then a key alone, then nothing at all. */
export function openings(check: Check): Change[] {
  const { access, readOnly } = rulingOf(check.book, check.asked);
  const paid = access === 'feature' || access === 'subscription';
  return [
    ...(paid && !readOnly ? changesTo(check, access, true) : []),
    ...changesTo(check, 'free', false),
  ];
}

/** Nobody gets through any more. */
export function closings(check: Check): Change[] {
  return changesTo(check, 'deny', false);
}

function changesTo(check: Check, access: Access, read_only: boolean): Change[] {
  const { asked } = check;
  if ('feature' in asked || asked.origin === 'ambiguous') return [];
  if (asked.origin === 'missing') {
    if (access !== 'free' && access !== 'deny') return [];
    const sentence = `set default_access to ${access}`;
    return [{ kind: 'default_access', access, sentence }];
  }
  const [policy] = matchesOf(check.book, asked);
  const own = {
    id: null,
    method: asked.origin.method,
    path: `/${asked.origin.segments.join('/')}`,
  };
  const { id, method, path } = policy ?? own;
  // A path with a key in it is no route.
  if (!policy && (describePathFault(path) || hideKeys(path) !== path)) return [];
  const verb = policy ? 'make the policy' : 'add the policy';
  const words = read_only ? 'read_only' : `access: ${access}`;
  const sentence = `${verb} ${method} ${path} ${words}`;
  return [{ kind: 'route_policy', id, method, path, access, read_only, sentence }];
}
