// `npm run migrate`: brings the database named by DATABASE_URL to the newest migration and says what it did.
import { migrate } from '../src/adapters/migrate.ts';

const url = process.env['DATABASE_URL'];
if (!url) {
  process.stderr.write('DATABASE_URL is not set: name the database to migrate\n');
  process.exit(1);
}
const applied = await migrate(url);
process.stdout.write(applied.length ? `applied: ${applied.join(', ')}\n` : 'nothing to apply\n');
process.exit(0);
