// What the demo consists of, as data: an imaginary weather API with three plans and a policy per kind of route.
// Nothing here does anything; demo.ts sends it.
import type { Demo } from './dev-file.ts';

const manyCalls = 1_000_000_000;
const observations = (max: number) => ({
  feature: 'observations',
  limits: [{ window: 'month', max, on_exceed: 'payment' }],
});
const reports = { feature: 'reports', limits: [] };
const forecasts = { feature: 'forecasts', limits: [] };
const monthly = (amount: number) => ({ amount, currency: 'usd', interval: 'month' });

export const demoPlans = [
  {
    key: 'free',
    name: 'Free',
    description: 'A thousand observations a month.',
    features: [observations(1_000)],
  },
  {
    key: 'pro',
    name: 'Pro',
    description: 'Observations without end, and reports.',
    price: monthly(2_900),
    features: [observations(manyCalls), reports],
  },
  {
    key: 'scale',
    name: 'Scale',
    description: 'All of Pro, and forecasts.',
    price: monthly(19_900),
    features: [observations(10 * manyCalls), reports, forecasts],
  },
];

export const demoPolicies = [
  { method: 'GET', path: '/status', access: 'free' },
  {
    method: 'GET',
    path: '/reports',
    access: 'feature',
    feature: 'reports',
    cost: 0,
    read_only: true,
  },
  { method: 'GET', path: '/observations', access: 'feature', feature: 'observations', cost: 1 },
  { method: 'GET', path: '/forecasts', access: 'feature', feature: 'forecasts', cost: 0 },
];

export const demoRoutes: Demo['routes'] = {
  free: 'GET /status',
  paid: 'GET /reports',
  counted: 'GET /observations',
  not_in_plan: 'GET /forecasts',
};

/** `card` is what the customer pays with at the sandbox; a free plan needs none. */
export const demoCustomers = [
  { external_id: 'demo-pro', name: 'Demo customer on Pro', email: 'pro@example.com', plan: 'pro', card: 'pm_card_visa' },
  { external_id: 'demo-free', name: 'Demo customer on Free', email: 'free@example.com', plan: 'free', card: null },
]; // prettier-ignore
