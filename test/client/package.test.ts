// The package as it would be published: packed, installed into an empty project, and its README's example run, once
// as ES modules and once as CommonJS; and its types as both see them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';
import { startService } from './service.ts';
import type { Service } from './service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const source = join(root, 'packages/client');
const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

let service: Service;
let folder: string;
let packed: { filename: string; files: { path: string }[] };
beforeAll(async () => {
  service = await startService();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-client-'));
  run(process.execPath, ['build.mjs'], source);
  [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], source));
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An empty project with the packed client in it, as npm would unpack it. */
function project(type: 'module' | 'commonjs'): string {
  const at = mkdtempSync(join(folder, `${type}-`));
  const target = join(at, 'node_modules/@tollgate/client');
  mkdirSync(target, { recursive: true });
  run('tar', ['-xzf', join(folder, packed.filename), '-C', target, '--strip-components=1'], at);
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'empty', type }));
  return at;
}

const example = /```js\n([\s\S]*?)```/.exec(readFileSync(join(source, 'README.md'), 'utf8'))![1]!;
/** The README's words for those who write CommonJS. */
const required = example.replaceAll(
  /import (\{[^}]*\}) from ('[^']*');/g,
  'const $1 = require($2);',
);

test('what is packed is the built code, its types and the README, and nothing to install', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'package.json', 'dist/esm/index.js', 'dist/cjs/index.d.ts'])); // prettier-ignore
  expect(
    paths.filter((path) => !/^(README\.md|package\.json|dist\/(esm|cjs)\/)/.test(path)),
  ).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest).not.toHaveProperty('peerDependencies');
});

describe.each([
  ['module', example],
  ['commonjs', required],
] as const)('as %s', (type, code) => {
  test("the README's example runs in an empty project", async () => {
    const at = project(type);
    writeFileSync(join(at, 'server.js'), code);
    const port = await freePort();
    const child = spawn(process.execPath, ['server.js'], {
      cwd: at,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        TOLLGATE_URL: service.url,
        TOLLGATE_GATEWAY_TOKEN: service.tokens.gateway,
      },
    });
    let errors = '';
    child.stderr.on('data', (text) => (errors += String(text)));
    try {
      const ask = (headers: Record<string, string> = {}) =>
        fetch(`http://127.0.0.1:${port}/`, { headers });
      const denied = await until('it listens', () => ask());
      expect([denied.status, ((await denied.json()) as any).code]).toEqual([401, 'key_missing']);
      const { id, key } = await service.subscriber();
      const allowed = await until('the check is in time', async () => {
        const answer = await ask({ 'x-api-key': key });
        return answer.status === 200 ? answer : null;
      });
      expect(await allowed.text()).toBe(`hello ${id}\n`);
      expect(errors).toBe('');
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });

  test('its types are found and strict', () => {
    const at = project(type);
    const types = { module: 'nodenext', moduleResolution: 'nodenext', strict: true, noEmit: true };
    const options = { ...types, target: 'es2022', lib: ['es2022', 'dom'], types: [] };
    writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] })); // prettier-ignore
    writeFileSync(
      join(at, 'good.ts'),
      `import { createTollgate, verifyWebhook } from '@tollgate/client';
       import type { Decision } from '@tollgate/client';
       const tollgate = createTollgate({ url: 'http://t', token: 'tgg_x', whenDown: 'open' });
       export const decision: Promise<Decision> = tollgate.check({ feature: 'calls', cost: 2 });
       export const event = verifyWebhook('{}', {}, { secret: 'whsec_x' });
       // @ts-expect-error: one or the other
       createTollgate({ url: 'http://t', token: 'tgg_x', whenDown: 'ajar' });
       // @ts-expect-error: a call needs a feature, or a method and a uri
       void tollgate.check({ method: 'GET' });`,
    );
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', at], at);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
