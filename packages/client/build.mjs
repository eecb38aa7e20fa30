// Makes dist/: the same sources once as ES modules and once as CommonJS, with types for each. Run by `npm run build`.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const kinds = {
  esm: { type: 'module', flags: ['--module', 'nodenext', '--moduleResolution', 'nodenext'] },
  // `node10` is what makes CommonJS of sources whose package says that they are modules.
  cjs: { type: 'commonjs', flags: ['--module', 'commonjs', '--moduleResolution', 'node10', '--verbatimModuleSyntax', 'false'] },
}; // prettier-ignore

rmSync(`${here}dist`, { recursive: true, force: true });
for (const [name, { type, flags }] of Object.entries(kinds)) {
  const out = `${here}dist/${name}`;
  mkdirSync(out, { recursive: true });
  writeFileSync(`${out}/package.json`, JSON.stringify({ type }));
  const args = [tsc, '-p', here, '--noEmit', 'false', '--declaration', '--outDir', out, ...flags];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}
