// The everyday commands against a running service: what they print and their exit code, written down as they are.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Billing } from '../support/billing.ts';
import { startBilling } from '../support/billing.ts';
import type { Shell } from './shell.ts';
import { createShell, transcript } from './shell.ts';

let billing: Billing;
let tollgate: Shell;

beforeAll(async () => {
  billing = await startBilling();
  tollgate = createShell({
    TOLLGATE_URL: billing.url,
    TOLLGATE_TOKEN: billing.test.tokens.operator,
  });
});
afterAll(() => billing.close());

/** Runs them one after the other; all they printed. */
async function session(...lines: string[][]): Promise<string> {
  const ran: string[] = [];
  for (const line of lines) ran.push(transcript(line, await tollgate(line)));
  return `\n${ran.join('\n\n')}\n`;
}

describe('customers', () => {
  test('are created, listed and shown', async () => {
    expect(
      await session(
        ['customers'],
        ['customers', 'create', 'user-a', '--email', 'a@example.com', '--name', 'Ann'],
        ['customers', 'create', 'user-a'],
        ['customers'],
        ['customers', '--json'],
        ['customers', 'list', '--external-id', 'nobody'],
        ['customers', 'create', 'user-b', '--timezone', 'Nowhere'],
        ['customers', 'get', 'cus_00000000000000000000000000'],
      ),
    ).toMatchSnapshot();
  });
});
