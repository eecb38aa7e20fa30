// The schemas of the installed `stripe` package, derived once and kept beside the other caches of
// node_modules until the package or the way of deriving changes.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalog } from './derive.ts';

const root = new URL('../../../', import.meta.url).pathname;
const packageFolder = join(root, 'node_modules/stripe');
const cacheFolder = join(root, 'node_modules/.cache/tollgate');

export type { Catalog, Operation } from './derive.ts';

/** The catalog, from the cache when it is there. */
export const loadCatalog = async (): Promise<Catalog> => {
  const path = join(cacheFolder, `stripe-schemas-${fingerprint()}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Catalog;
  const { deriveCatalog } = await import('./derive.ts');
  const catalog = deriveCatalog(join(packageFolder, 'esm/stripe.esm.node.d.ts'));
  mkdirSync(cacheFolder, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(catalog));
  renameSync(temporary, path);
  return catalog;
};

const fingerprint = (): string => {
  const hash = createHash('sha256');
  for (const path of [
    join(packageFolder, 'package.json'),
    new URL('./derive.ts', import.meta.url).pathname,
  ])
    hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
};
