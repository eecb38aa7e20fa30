// Writes docs/sandbox-parameters.md: what of Stripe's parameters and calls the sandbox lacks.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { reportParameters } from '../test/sandbox/schema/report.ts';

const path = new URL('../docs/sandbox-parameters.md', import.meta.url).pathname;
const { text } = await reportParameters();
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'markdown' }));
