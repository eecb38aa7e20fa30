// What `npm start` prints when all is up: the parts, the URLs and calls to paste. The only place where
// tokens and demo keys are shown, on purpose, to whoever started it.
import type { DevFile } from './dev-file.ts';

export function banner(dev: DevFile, folders: { data: string; database: string }): string {
  const onPro = dev.demo.customers.find((customer) => customer.plan === 'pro');
  const onFree = dev.demo.customers.find((customer) => customer.plan === 'free');
  const check = (comment: string, route: string, key?: string) =>
    `  # ${comment}\n  ${checkLine(dev, route, key)}`;
  return [
    'Tollgate is running.',
    '',
    `  API       ${dev.api_url}        process ${dev.pids.api}; reference at ${dev.api_url}/docs`,
    `  Sandbox   ${dev.sandbox_url}        process ${dev.pids.sandbox}; a local Stripe`,
    `  Mail      ${dev.mail_url}   what customers were told`,
    `  Worker    jobs                         process ${dev.pids.worker}`,
    `  Postgres  127.0.0.1:${new URL(dev.database_url).port}              process ${dev.pids.postgres}; files in ${folders.database}`,
    '',
    `  Operator token  ${dev.operator_token}`,
    `  Gateway token   ${dev.gateway_token}`,
    ...dev.demo.customers.map((one) => `  Key on ${one.plan.padEnd(8)} ${one.api_key}`),
    `  All of this is in ${folders.data}/dev.json, the logs are in ${folders.data}/logs.`,
    '',
    'Ask as a gateway asks:',
    check('200: a route that the plan Pro has', dev.demo.routes.paid, onPro?.api_key),
    check('402: a feature that is on Scale only', dev.demo.routes.not_in_plan, onPro?.api_key),
    check('402: not on Free', dev.demo.routes.paid, onFree?.api_key),
    check('200: a free route needs no key', dev.demo.routes.free),
    check('401: no key', dev.demo.routes.paid),
    '',
    'Ask as an operator:',
    `  curl -s ${dev.api_url}/customers -H 'Authorization: Bearer ${dev.operator_token}'`,
    '',
    'npm run tour tells the whole story; npm run clock -- +35d moves time. Ctrl-C ends it; data is kept.',
    '',
  ].join('\n');
}

function checkLine(dev: DevFile, route: string, key?: string): string {
  const [method, path] = route.split(' ');
  return [
    `curl -si ${dev.api_url}/entitlements`,
    `-H 'X-Gateway-Token: ${dev.gateway_token}'`,
    `-H 'X-Forwarded-Method: ${method ?? ''}' -H 'X-Forwarded-Uri: ${path ?? ''}'`,
    ...(key ? [`-H 'X-API-Key: ${key}'`] : []),
  ].join(' ');
}
