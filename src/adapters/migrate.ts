// Brings a database to the newest migration with Prisma's own engine, as WebAssembly from npm, since the
// CLI would download a binary. Keeps `_prisma_migrations`, so `prisma migrate deploy` may run there too.
// Never edits an applied migration, never drops anything by itself.
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

const folder = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));
/** Any number that no other program on the database uses for the same purpose. */
const migrationLock = 3402_0001;

/**
 * Applies what is missing and returns the names applied; the second run does nothing. Processes that
 * start together wait for each other: the lock is a session's, on a connection of its own.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    if ((await pending(client)).length === 0) return [];
    return await withSchemaEngine(databaseUrl, async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: await migrationList(),
        filters: { externalTables: [], externalEnums: [] },
      });
      return appliedMigrationNames;
    });
  } finally {
    await client.end();
  }
}

async function pending(client: pg.Client): Promise<string[]> {
  const known = await client.query<{ there: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
  );
  const names = await migrationNames();
  if (!known.rows[0]?.there) return names;
  const applied = await client.query<{ migration_name: string }>(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL',
  );
  const done = new Set(applied.rows.map((row) => row.migration_name));
  return names.filter((name) => !done.has(name));
}

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function migrationList(): Promise<MigrationList> {
  const migrationDirectories = [];
  for (const name of await migrationNames()) {
    const content = await readFile(path.join(folder, name, 'migration.sql'), 'utf8');
    migrationDirectories.push({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: content } as const },
    });
  }
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories,
  };
}

/** Node has it, but its types live in the DOM's library, which we do not want in scope. */
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    instantiate(
      bytes: Uint8Array,
      imports: Record<string, object>,
    ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
  };
};

type EngineBindings = { __wbg_set_wasm(wasm: object): void; SchemaEngine: typeof SchemaEngine };
/** Once per process: a second instance behind the same bindings panics. */
let engineBindings: Promise<EngineBindings> | undefined;

async function loadEngine(): Promise<EngineBindings> {
  const require = createRequire(import.meta.url);
  const packageFolder = path.dirname(require.resolve('@prisma/schema-engine-wasm'));
  const bindings =
    (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as unknown as EngineBindings;
  const bytes = await readFile(path.join(packageFolder, 'schema_engine_bg.wasm'));
  const { instance } = await wasm.instantiate(bytes, {
    './schema_engine_bg.js': withIdleTimers(bindings),
  });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}

/** Runs `use` with the engine bound to a database; also how `scripts/make-migration.ts` asks for a difference. */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const bindings = await (engineBindings ??= loadEngine());
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, allowExitOnIdle: true });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(wholeScripts(new PrismaPg(pool), pool));
    return await use(
      await bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter),
    );
  } finally {
    await pool.end();
  }
}

/** The engine leaves the ten-second timer of its lock running, which would keep a finished process alive. */
function withIdleTimers(imports: object): object {
  const name = Object.keys(imports).find((key) => key.startsWith('__wbg_setTimeout_'));
  if (!name) return imports;
  const start = (run: () => void, ms: number) => setTimeout(run, ms).unref();
  return { ...imports, [name]: start };
}

/**
 * The driver adapter splits a script at every semicolon, also inside a function's body. PostgreSQL takes the
 * script whole, and then as one transaction: a migration is applied or it is not.
 */
function wholeScripts(factory: PrismaPg, pool: pg.Pool): PrismaPg {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    adapter.executeScript = async (script) => void (await pool.query(script));
    return adapter;
  };
  return factory;
}
