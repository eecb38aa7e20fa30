// The instruments, on a registry of their own, in Prometheus' names and base units. Whoever has something to
// count imports its instrument; no label ever holds an id, a key or a path as sent.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { createTally } from './histogram.ts';

export const registry = new Registry();
const registers = [registry];

collectDefaultMetrics({ register: registry });

/** Answers of the check: outcome `allow`, `deny` or `unverifiable`, and the code ("" when allowed). */
export const checks = new Counter({
  name: 'tollgate_checks_total',
  help: 'Checks answered, by outcome and code',
  labelNames: ['outcome', 'code'] as const,
  registers,
});

/** Decisions that were to be kept: there was no room, or PostgreSQL did not take them. */
export const decisionsDropped = new Counter({
  name: 'tollgate_decisions_dropped_total',
  help: 'Decisions that were to be kept and were not',
  registers,
});

/** From the request's arrival to the answer's last byte handed over. */
export const checkSeconds = createTally({
  name: 'tollgate_check_duration_seconds',
  help: 'Service time of a check',
  bounds: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
  register: registry,
});

/** REST requests; the route is the pattern, never the path. */
export const httpSeconds = new Histogram({
  name: 'tollgate_http_request_duration_seconds',
  help: 'Service time of REST requests',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
});

/** From Stripe making an event to our having dealt with it. */
export const webhookLagSeconds = new Histogram({
  name: 'tollgate_webhook_lag_seconds',
  help: 'Time from the creation of a Stripe event to its being processed',
  buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 86400],
  registers,
});

/** Webhook deliveries received, by what became of them. */
export const webhooks = new Counter({
  name: 'tollgate_webhooks_total',
  help: 'Stripe events received, by result',
  labelNames: ['result'] as const,
  registers,
});

/** Runs of jobs over all workers, as PostgreSQL remembers them: result `done` or `failed`. */
export const jobRuns = new Counter({
  name: 'tollgate_job_runs_total',
  help: 'Runs of jobs, by job and result',
  labelNames: ['job', 'result'] as const,
  registers,
});

/** Stored events whose object was not looked at yet. */
export const webhookBacklog = new Gauge({
  name: 'tollgate_webhook_backlog',
  help: 'Stripe events stored and not yet dealt with',
  registers,
});

/** 0 while there is no backlog. */
export const webhookOldestSeconds = new Gauge({
  name: 'tollgate_webhook_oldest_seconds',
  help: 'Age of the oldest Stripe event not yet dealt with, since it was received',
  registers,
});

/** Differences from Stripe that comparisons have found, and those of them that were mended; dry runs excluded. */
export const driftFound = new Counter({
  name: 'tollgate_drift_found_total',
  help: 'Differences from Stripe found by reconciliation, by reason',
  labelNames: ['why'] as const,
  registers,
});
export const driftRepaired = new Counter({
  name: 'tollgate_drift_repaired_total',
  help: 'Differences from Stripe repaired by reconciliation, by reason',
  labelNames: ['why'] as const,
  registers,
});

/** How old the facts decided upon may be at most; 0 to 2 s while announcements are heard. */
export const factsAgeSeconds = new Gauge({
  name: 'tollgate_facts_age_seconds',
  help: 'Age of the facts in memory: seconds since the last sign of life of the LISTEN connection',
  registers,
});
