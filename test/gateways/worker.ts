// The Worker of deploy/gateways/cloudflare-worker in workerd, the runtime that Cloudflare runs.
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Change, Place, Program, Variant } from './program.ts';
import { freePort, makeFolder, recipe, run } from './program.ts';

export const worker: Program = {
  name: 'worker',
  install: 'npm ci, with optional packages',
  isInstalled: () => findWorkerd() !== null,
  variants: ['closed', 'cached', 'open'],
  abilities: ['shared decisions', 'kept connections'],
  start,
};

/** The binary of this platform's own package: npm runs no install script here that would put it in place. */
function findWorkerd(): string | null {
  const systems: Record<string, string> = { win32: 'windows' };
  const processor = process.arch === 'x64' ? '64' : process.arch;
  const name = `workerd-${systems[process.platform] ?? process.platform}-${processor}`;
  try {
    const file = createRequire(import.meta.url).resolve(`@cloudflare/${name}/package.json`);
    return path.join(path.dirname(file), 'bin', 'workerd');
  } catch {
    return null;
  }
}

async function start(variant: Variant, place: Place) {
  const folder = await makeFolder('worker');
  const port = await freePort();
  const switches: Record<Variant, Change[]> = {
    closed: [],
    cached: [['text = "ask"', 'text = "keep"']],
    open: [['text = "closed"', 'text = "open"']],
  };
  const files: Record<string, Change[]> = {
    'worker.js': [],
    'workerd.capnp': [
      ...switches[variant],
      ['*:8080', `127.0.0.1:${port}`],
      ['127.0.0.1:3402', `127.0.0.1:${place.tollgatePort}`],
      ['127.0.0.1:9000', `127.0.0.1:${place.apiPort}`],
      ['tgg_replace_me', place.token],
    ],
  };
  for (const [file, changes] of Object.entries(files)) {
    await folder.write(file, await recipe(`cloudflare-worker/${file}`, changes));
  }
  return run({
    command: findWorkerd()!,
    args: ['serve', `${folder.path}/workerd.capnp`],
    port,
    remove: folder.remove,
  });
}
