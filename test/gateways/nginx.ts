// nginx on the recipe of deploy/gateways/nginx.
import { existsSync } from 'node:fs';
import os from 'node:os';
import type { Change, Place, Program, Variant } from './program.ts';
import { findExecutable, freePort, makeFolder, recipe, run } from './program.ts';

const njs = '/usr/lib/nginx/modules/ngx_http_js_module.so';

export const nginx: Program = {
  name: 'nginx',
  install: 'apt-get install nginx libnginx-mod-http-js',
  isInstalled: () => findExecutable('nginx') !== null && existsSync(njs),
  variants: ['closed', 'cached', 'open'],
  abilities: ['shared decisions', 'kept connections'],
  start: startNginx,
};

/** `bare`: the same site without the check, for comparison. */
export async function startNginx(variant: Variant | 'bare', place: Place) {
  // The recipe keeps its decisions in memory.
  const memory = existsSync('/dev/shm') ? '/dev/shm' : undefined;
  const folder = await makeFolder('nginx', memory);
  const port = await freePort();
  const home: Change = ['/etc/nginx/tollgate/', `${folder.path}/`];
  const unprotected: Change[] = ['check', 'protect'].map((file) => [
    `include ${home[0]}${file}.conf;`,
    '',
  ]);
  const switches: Record<Variant | 'bare', Change[]> = {
    bare: [],
    closed: [],
    cached: [[`# include ${home[0]}cache.conf`, `include ${home[0]}cache.conf`]],
    open: [[`# include ${home[0]}fail-open.conf`, `include ${home[0]}fail-open.conf`]],
  };
  const files: Record<string, Change[]> = {
    'tollgate.conf': [
      ['127.0.0.1:3402', `127.0.0.1:${place.tollgatePort}`],
      ['/dev/shm/tollgate', `${folder.path}/cache`],
      home,
    ],
    'tollgate.js': [],
    'check.conf': [...switches[variant], home],
    'protect.conf': [],
    'cache.conf': [],
    'fail-open.conf': [],
    'token.conf': [['tgg_replace_me', place.token]],
    'site.conf': [
      ['127.0.0.1:9000', `127.0.0.1:${place.apiPort}`],
      ['listen 8080', `listen 127.0.0.1:${port}`],
      ...(variant === 'bare' ? unprotected : [home]),
    ],
  };
  for (const [file, changes] of Object.entries(files)) {
    await folder.write(file, await recipe(`nginx/${file}`, changes));
  }
  const main = await folder.write('nginx.conf', mainFile(folder.path));
  return run({
    command: findExecutable('nginx')!,
    args: ['-p', folder.path, '-c', main, '-e', `${folder.path}/error.log`],
    port,
    remove: folder.remove,
  });
}

/** What Debian's own nginx.conf does around a site, away from the system's folders. */
function mainFile(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n  ');
  const user = process.getuid?.() === 0 ? `user ${os.userInfo().username};` : '';
  return `load_module ${njs};
daemon off; worker_processes 1; pid ${folder}/nginx.pid; ${user}
events { worker_connections 512; }
http {
  access_log off;
  ${temporary}
  include ${folder}/tollgate.conf;
  include ${folder}/site.conf;
}
`;
}
