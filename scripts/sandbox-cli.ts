// Writes docs/sandbox-cli.md: Stripe's CLI is run against a sandbox, and what came of each of its
// triggers is the page. test/sandbox/cli.test.ts fails when the page is out of date.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { cliMissing, cliPage, openCli, runTriggers, triggersOf } from '../test/sandbox/cli.ts';

const missing = cliMissing();
if (missing !== null) throw new Error(missing);
const path = new URL('../docs/sandbox-cli.md', import.meta.url).pathname;
const sandbox = await createSandbox();
const cli = openCli(sandbox);
const page = cliPage(await triggersOf(cli), await runTriggers(sandbox, cli));
writeFileSync(path, await format(page, { ...(await resolveConfig(path)), parser: 'markdown' }));
cli.close();
await sandbox.close();
