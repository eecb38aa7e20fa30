// Writes docs/sandbox-parameters.md, what of Stripe's parameters and calls the sandbox lacks, and
// src/sandbox/api/ignored.txt, the names inside what it takes and does not use.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { reportParameters } from '../test/sandbox/schema/report.ts';

const path = new URL('../docs/sandbox-parameters.md', import.meta.url).pathname;
const { text, ignored } = await reportParameters();
writeFileSync(new URL('../src/sandbox/api/ignored.txt', import.meta.url), ignored);
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'markdown' }));
