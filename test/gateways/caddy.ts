// Caddy on the recipe of deploy/gateways/caddy.
import type { Change, Place, Program, Variant } from './program.ts';
import { findExecutable, freePort, makeFolder, recipe, run } from './program.ts';

export const caddy: Program = {
  name: 'caddy',
  install: 'apt-get install caddy',
  isInstalled: () => findExecutable('caddy') !== null,
  variants: ['closed', 'open'],
  abilities: ['kept connections'],
  start: startCaddy,
};

/** `bare`: the same site without the check, for comparison. */
export async function startCaddy(variant: Variant | 'bare', place: Place) {
  const folder = await makeFolder('caddy');
  const port = await freePort();
  const home: Change = ['/etc/caddy/', `${folder.path}/`];
  const switches: Record<Variant | 'bare', Change[]> = {
    bare: [['\timport tollgate\n', '']],
    closed: [],
    cached: [],
    open: [['import tollgate\n', 'import tollgate_fail_open 127.0.0.1:9000\n']],
  };
  const files: Record<string, Change[]> = {
    'tollgate.caddy': [home, ['127.0.0.1:3402', `127.0.0.1:${place.tollgatePort}`]],
    'tollgate-token.caddy': [['tgg_replace_me', place.token]],
    Caddyfile: [
      home,
      ...switches[variant],
      ['127.0.0.1:9000', `127.0.0.1:${place.apiPort}`],
      [':8080 {', `http://127.0.0.1:${port} {`],
    ],
  };
  for (const [file, changes] of Object.entries(files)) {
    await folder.write(file, await recipe(`caddy/${file}`, changes));
  }
  // Options of a whole Caddy, which a recipe for one site does not touch.
  const main = await folder.write(
    'main',
    `{\n\tadmin off\n\tauto_https off\n}\nimport ${folder.path}/Caddyfile\n`,
  );
  return run({
    command: findExecutable('caddy')!,
    args: ['run', '--adapter', 'caddyfile', '--config', main],
    port,
    env: { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path },
    remove: folder.remove,
  });
}
