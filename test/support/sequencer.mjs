// The order in which test files begin: those that take longest first, so that none of them begins last and then runs
// alone. Jest knows durations from earlier runs only, which a fresh checkout has none of; hence the list.
import { statSync } from 'node:fs';
import path from 'node:path';

/** Twelve seconds and more, longest first. */
const longest = [
  'convergence/crash',
  'journeys/lifecycle',
  'jobs/kill',
  'jobs/reconcile',
  'jobs/redis',
  'convergence/permuter',
  'journeys/hundred',
  'gateways/matrix',
  'jobs/report-overage-failure',
  'journeys/subscription-life',
  'jobs/renew-subscriptions',
  'journeys/tour',
  'jobs/failure',
  'convergence/mutation',
  'sandbox/process',
  'http/webhook-version',
  'jobs/process-stripe-event',
  'jobs/table',
  'jobs/dunning',
  'http/purchase',
  'http/property',
  'http/invoice',
  'jobs/renewal',
  'client/package',
  'http/policy',
  'jobs/report-overage',
  'jobs/queue',
];

/** What Jest asks of a sequencer; the rest goes by size, as Jest has it do. */
export default function createSequencer() {
  return {
    sort: (tests) => tests.toSorted((a, b) => rank(a) - rank(b) || size(b) - size(a)),
    cacheResults: () => undefined,
    allFailedTests: () => [],
  };
}

function rank({ path: file, context }) {
  const name = path.relative(path.join(context.config.rootDir, 'test'), file);
  const place = longest.indexOf(name.replace(/\.test\.ts$/, ''));
  return place === -1 ? longest.length : place;
}

function size({ path: file }) {
  return statSync(file).size;
}
