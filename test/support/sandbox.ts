// Starts the sandbox as the process it is, on a free port and in a folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePort } from '../../src/local/free-port.ts';
import { endProcess } from '../../src/local/processes.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type TestSandbox = { url: string; secretKey: string; close: () => Promise<void> };

export async function startTestSandbox(options: {
  secretKey: string;
  webhookUrl: string;
  webhookSecret: string;
}): Promise<TestSandbox> {
  const port = await choosePort(null);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-sandbox-'));
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/sandbox/main.ts'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      SANDBOX_PORT: String(port),
      SANDBOX_SECRET_KEY: options.secretKey,
      SANDBOX_DATA_DIR: folder,
      SANDBOX_WEBHOOK_URL: options.webhookUrl,
      SANDBOX_WEBHOOK_SECRET: options.webhookSecret,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${options.secretKey}` };
  await until(
    'the sandbox answers',
    async () => (await fetch(`${url}/_sandbox/clock`, { headers })).ok,
  );
  return {
    url,
    secretKey: options.secretKey,
    async close() {
      if (child.pid) await endProcess(child.pid, [{ signal: 'SIGTERM', waitMs: 5_000 }, { signal: 'SIGKILL', waitMs: 1_000 }]); // prettier-ignore
      await rm(folder, { recursive: true, force: true });
    },
  };
}
