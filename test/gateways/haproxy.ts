// HAProxy on the recipe of deploy/gateways/haproxy.
import type { Change, Place, Program, Variant } from './program.ts';
import { findExecutable, freePort, makeFolder, recipe, run } from './program.ts';

export const haproxy: Program = {
  name: 'haproxy',
  install: 'apt-get install haproxy',
  isInstalled: () => findExecutable('haproxy') !== null,
  variants: ['closed', 'cached', 'open'],
  abilities: ['shared decisions', 'kept connections'],
  start,
};

/** What belongs to the system rather than to the recipe. */
const system: Change[] = [
  ['    log /dev/log local0\n', ''],
  ['    chroot /var/lib/haproxy\n', ''],
  ['    user haproxy\n', ''],
  ['    group haproxy\n', ''],
];

async function start(variant: Variant, place: Place) {
  const folder = await makeFolder('haproxy');
  const [port, loop] = [await freePort(), await freePort()];
  const home: Change = ['/etc/haproxy/', `${folder.path}/`];
  const switches: Record<Variant, Change[]> = {
    closed: [],
    cached: [['http-request lua.tollgate\n', 'http-request lua.tollgate_cached\n']],
    open: [['http-request return status 503', '# http-request return status 503']],
  };
  const files: Record<string, Change[]> = {
    'tollgate.lua': [home, ['127.0.0.1:3499', `127.0.0.1:${loop}`]],
    'tollgate.token': [['tgg_replace_me', place.token]],
    'haproxy.cfg': [
      ...system,
      ...switches[variant],
      home,
      ['127.0.0.1:3402', `127.0.0.1:${place.tollgatePort}`],
      ['127.0.0.1:3499', `127.0.0.1:${loop}`],
      ['127.0.0.1:9000', `127.0.0.1:${place.apiPort}`],
      ['bind :8080', `bind 127.0.0.1:${port}`],
    ],
  };
  for (const [file, changes] of Object.entries(files)) {
    await folder.write(file, await recipe(`haproxy/${file}`, changes));
  }
  return run({
    command: findExecutable('haproxy')!,
    args: ['-db', '-f', `${folder.path}/haproxy.cfg`],
    port,
    remove: folder.remove,
  });
}
