// Loaded before a process's own modules (`--import`): gives it another src/actions/stripe/object.ts, in which the
// guards named by MUTANT are taken out. The copy lies in a folder of its own; the source is never touched. A guard
// that cannot be found ends the process: whoever moves one must say here where it went.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const source = new URL('../../src/actions/stripe/object.ts', import.meta.url);

/** What each guard is in the source, and what is left when it is gone. */
const guards = {
  'lease when claiming': [' AND (lease_until IS NULL OR lease_until < clock_timestamp())', ''],
  'lease when writing': ['if (row?.lease_token !== object.token) return;', ''],
  ticket: ['const isOld = Number(row.ticket) > ticket;', 'const isOld = false && row && ticket;'],
  'wanted as it was claimed': ['ELSE ${object.wanted} END', 'ELSE wanted END'],
};

/** Relative imports of the copy mean what they meant in the source. */
const absolute = (text) =>
  text.replace(/(from ')(\.[^']+)'/g, (_, from, specifier) => {
    return `${from}${new URL(specifier, source).href}'`;
  });

function mutate(names) {
  let text = readFileSync(source, 'utf8');
  for (const name of names) {
    const [guard, rest] = guards[name];
    if (text.split(guard).length !== 2) throw new Error(`guard not found: ${name}`);
    text = text.replace(guard, () => rest);
  }
  return absolute(text);
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'tollgate-mutant-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const copy = path.join(folder, 'object.mts');
writeFileSync(copy, mutate(process.env.MUTANT.split(', ').filter(Boolean)));
const hook = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  return found.url.split('?')[0] === ${JSON.stringify(source.href)}
    ? { ...found, url: ${JSON.stringify(`file://${copy}`)} }
    : found;
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
