// After all tests: stops the PostgreSQL that global-setup.ts started and removes its files.
import { rm } from 'node:fs/promises';
import './global-setup.ts';

export default async function globalTeardown(): Promise<void> {
  const started = globalThis.tollgateTest;
  if (!started) return;
  await started.postgres.stop('now');
  await rm(started.postgres.folder, { recursive: true, force: true });
  await rm(started.folder, { recursive: true, force: true });
}
