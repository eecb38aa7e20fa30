// Apache httpd on the recipe of deploy/gateways/apache.
import { existsSync } from 'node:fs';
import type { Change, Place, Program, Variant } from './program.ts';
import { findExecutable, freePort, makeFolder, recipe, run } from './program.ts';

const modules = '/usr/lib/apache2/modules';
const luaSocket = '/usr/share/lua/5.3/socket/http.lua';

export const apache: Program = {
  name: 'apache',
  install: 'apt-get install apache2 lua-socket',
  isInstalled: () => findExecutable('apache2') !== null && existsSync(luaSocket),
  variants: ['closed', 'cached', 'open'],
  abilities: [],
  start,
};

async function start(variant: Variant, place: Place) {
  const folder = await makeFolder('apache');
  const port = await freePort();
  const home: Change = ['/etc/apache2/', `${folder.path}/`];
  const check = { closed: 'check', cached: 'check_cached', open: 'check_fail_open' }[variant];
  const files: Record<string, Change[]> = {
    'tollgate.lua': [home, ['127.0.0.1:3402', `127.0.0.1:${place.tollgatePort}`]],
    'tollgate.token': [['tgg_replace_me', place.token]],
    'tollgate.conf': [
      home,
      ['.lua check early', `.lua ${check} early`],
      ['Listen 8080', `Listen 127.0.0.1:${port}`],
      ['*:8080', `127.0.0.1:${port}`],
      ['127.0.0.1:9000', `127.0.0.1:${place.apiPort}`],
    ],
  };
  for (const [file, changes] of Object.entries(files)) {
    await folder.write(file, await recipe(`apache/${file}`, changes));
  }
  const main = await folder.write('apache2.conf', mainFile(folder.path));
  return run({
    command: findExecutable('apache2')!,
    args: ['-D', 'FOREGROUND', '-f', main],
    port,
    remove: folder.remove,
  });
}

/** What Debian's own configuration loads around a site, with few threads, each of which keeps decisions of its own. */
function mainFile(folder: string): string {
  const loaded = ['mpm_event', 'authz_core', 'lua', 'proxy', 'proxy_http']
    .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
    .join('\n');
  return `${loaded}
ServerName localhost
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache2.pid
ErrorLog ${folder}/error.log
StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
Include ${folder}/tollgate.conf
`;
}
