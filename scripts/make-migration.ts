// Writes the SQL that leads from an older schema to prisma/schema.prisma, for a person to read and edit:
//   DATABASE_URL=… node --import tsx scripts/make-migration.ts old-schema.prisma
// (no file: from an empty database). Prints; creates no folder and changes nothing in the database.
import { readFile } from 'node:fs/promises';
import { withSchemaEngine } from '../src/adapters/migrate.ts';

const url = process.env['DATABASE_URL'];
if (!url) throw new Error('DATABASE_URL is not set');
const schema = 'prisma/schema.prisma';
const older = process.argv[2];
const files = async (path: string) => [{ path: schema, content: await readFile(path, 'utf8') }];

const sql = await withSchemaEngine(url, async (engine) =>
  engine.diff({
    from: older ? { tag: 'schemaDatamodel', files: await files(older) } : { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: await files(schema) },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  }),
);
process.stdout.write(sql.stdout ?? '');
process.exit(0);
