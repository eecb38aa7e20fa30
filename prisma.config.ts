// Tells the Prisma CLI where the schema and the migrations are. The service itself never reads this.
import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
