// The audit of the configuration: every rule over facts that are already there, in a stable order, bounded. Reads and
// asks nothing itself; what each finding means stands in audit-finding.ts.
import { finding, findingCodes } from './finding.ts';
import type { Finding, Severity } from './finding.ts';
import { auditPlans, grantedFeatures } from './plan.ts';
import type { AuditedPlan, PlanChoices } from './plan.ts';
import { auditFeatures } from './route.ts';
import { auditStripe } from './stripe.ts';
import type { AuditedPrice, AuditedWebhook } from './stripe.ts';
import type { RoutePolicy } from '../route-policy.ts';

export type AuditedConfiguration = {
  policies: RoutePolicy[];
  /** What auditFreeRoutes found. */
  freeRoutes: Finding[];
  plans: AuditedPlan[];
  choices: PlanChoices;
  prices: AuditedPrice[];
  webhook: AuditedWebhook;
  /** Live keys with the scope manage that never expire. */
  manageKeys: { id: string; customerId: string }[];
  /** Names of what was too much to load as a whole. */
  cutShort: string[];
};

export const findingsMax = 500;

/** All findings, the gravest first; the same facts give the same answer. */
export function auditConfiguration(facts: AuditedConfiguration): Finding[] {
  const { policies, plans, choices } = facts;
  const found = [
    ...facts.freeRoutes,
    ...auditFeatures(policies, grantedFeatures(plans)),
    ...auditPlans(plans, policies, choices),
    ...auditStripe(facts.prices, facts.webhook),
    ...facts.manageKeys.map(({ id, customerId }) =>
      finding('manage_key_without_expiry', id, `A key of ${customerId}.`),
    ),
    ...facts.cutShort.map((what) =>
      finding('audit_incomplete', what, 'There are more than an audit looks at.'),
    ),
  ].sort(compare);
  if (found.length <= findingsMax) return found;
  const more = `${found.length - findingsMax + 1} more findings are left out.`;
  return [...found.slice(0, findingsMax - 1), finding('audit_incomplete', 'findings', more)];
}

const rank: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

function compare(a: Finding, b: Finding): number {
  return (
    rank[a.severity] - rank[b.severity] ||
    findingCodes.indexOf(a.code) - findingCodes.indexOf(b.code) ||
    compareText(a.subject, b.subject) ||
    compareText(a.detail, b.detail)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
