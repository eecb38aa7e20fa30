// Stripe's own CLI against a sandbox: where its binary is, one call of it, and what became of each
// of its built-in triggers as a page of the documentation.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { apiVersion } from '../../src/sandbox/world.ts';
import { clientOf, until } from './stand.ts';

const platform = `cli-${process.platform}-${process.arch}`;
const binary = new URL(
  `../../node_modules/@stripe/${platform}/bin/stripe${process.platform === 'win32' ? '.exe' : ''}`,
  import.meta.url,
).pathname;
const callTimeoutMs = 30_000;
const atOnce = 4;

/** Null where the CLI has no binary for this platform. */
export const cliMissing = (): string | null =>
  existsSync(binary) ? null : `Stripe's CLI is not tried: there is no @stripe/${platform} here.`;

/** `text` is all it said, `output` what it said to be read by programs. */
export type Said = { code: number; text: string; output: string };
export type Cli = { call: (args: string[]) => Promise<Said>; close: () => void };

/** The CLI with a home of its own and its telemetry off; it talks to this sandbox alone. */
export const openCli = ({ url, secretKey }: Sandbox): Cli => {
  const home = mkdtempSync(join(tmpdir(), 'stripe-cli-'));
  const to = (args: string[]): string[] => [
    ...args,
    ...['--api-base', url, '--api-key', secretKey],
    args[0] === 'trigger' ? '--api-version' : '--stripe-version',
    apiVersion,
  ];
  const env = { HOME: home, PATH: '/usr/bin:/bin', STRIPE_CLI_TELEMETRY_OPTOUT: '1' };
  return {
    call: (args) =>
      new Promise((resolve) => {
        const all = args.includes('--help') ? args : to(args);
        execFile(binary, all, { env, timeout: callTimeoutMs }, (error, stdout, stderr) => {
          resolve({
            code: error === null ? 0 : 1,
            text: `${stdout}${stderr}`,
            output: stdout,
          });
        });
      }),
    close: () => rmSync(home, { recursive: true, force: true }),
  };
};

/** Triggers that are not tried, and why. */
const outside: [pattern: RegExp, why: string][] = [
  [
    /^checkout\.session\.(completed|async_)/,
    'needs `/v1/payment_pages`, which Stripe does not publish',
  ],
  [/^account\./, 'Connect'],
  [/^(balance|payout|topup|transfer)\./, 'money of the account itself'],
  [/^identity\./, 'Identity'],
  [/^issuing/, 'Issuing'],
  [/^payment_link\./, 'Payment Links'],
  [/^reporting\./, 'Reporting'],
  [/^v1\.billing\.meter\./, "its script sends to Stripe's own host, whatever base is given"],
];

export const reasonOutside = (trigger: string): string | null =>
  outside.find(([pattern]) => pattern.test(trigger))?.[1] ?? null;

/** The CLI's built-in triggers, as it lists them. */
export const triggersOf = async (cli: Cli): Promise<string[]> => {
  const { text } = await cli.call(['trigger', '--help']);
  const list = /Supported events:\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? '';
  return list.split('\n').map((line) => line.trim());
};

export type Outcome = { trigger: string; said: Said; isAnnounced: boolean };

/** Runs every trigger that is tried, some at a time, and looks which events came of them. */
export const runTriggers = async (sandbox: Sandbox, cli: Cli): Promise<Outcome[]> => {
  const waiting = (await triggersOf(cli)).filter((name) => reasonOutside(name) === null);
  const said = new Map<string, Said>();
  const next = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      said.set(name, await cli.call(['trigger', name]));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  const stripe = clientOf(sandbox.url, sandbox.secretKey);
  await until(async () => {
    const clocks = await stripe.testHelpers.testClocks.list({ limit: 100 });
    return clocks.data.every((clock) => clock.status === 'ready');
  });
  const types = new Set<string>();
  for await (const event of stripe.events.list({ limit: 100 })) types.add(event.type);
  return [...said]
    .map(([trigger, words]) => ({ trigger, said: words, isAnnounced: types.has(trigger) }))
    .sort((a, b) => (a.trigger < b.trigger ? -1 : 1));
};

/** The page of the documentation that lists both kinds. */
export const cliPage = (all: string[], outcomes: Outcome[]): string => {
  const row = ({ trigger, isAnnounced }: Outcome): string =>
    `| \`${trigger}\` | ${isAnnounced ? 'yes' : (silent[trigger] ?? 'no')} |`;
  const untried = all
    .map((trigger) => ({ trigger, why: reasonOutside(trigger) }))
    .filter(({ why }) => why !== null)
    .map(({ trigger, why }) => `| \`${trigger}\` | ${why ?? ''} |`);
  return `# The sandbox and Stripe's CLI

Written by \`node --import tsx scripts/sandbox-cli.ts\`; a test fails when it is out of date. Start the sandbox, then:

\`\`\`sh
npx stripe trigger invoice.paid --api-base http://127.0.0.1:3403 --api-key sk_test_… --api-version ${apiVersion}
\`\`\`

Resource commands (\`stripe customers create --email …\`) and \`stripe get\`, \`post\` and \`delete\` take the same flags,
the version as \`--stripe-version\`.
The scripts of some triggers send parameters of older API versions; the sandbox takes those from the CLI alone.

## Triggers that succeed (${outcomes.length})

| trigger | leaves the event of its name |
| --- | --- |
${outcomes.map(row).join('\n')}

## Triggers that are not tried (${untried.length})

| trigger | why |
| --- | --- |
${untried.join('\n')}
`;
};

/** Triggers whose script does not lead to the event they are named after. */
const silent: Record<string, string> = {
  'subscription.payment_failed': 'no: there is no such event; leaves `invoice.payment_failed`',
  'subscription.payment_succeeded':
    'no: there is no such event; leaves `invoice.payment_succeeded`',
  'subscription_schedule.aborted': 'no: its script cancels the schedule',
  'subscription_schedule.expiring': 'no: its script stops more than a week before the end',
};
