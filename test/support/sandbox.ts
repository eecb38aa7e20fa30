// The real sandbox inside the test's process: met over HTTP all the same, its state in memory alone.
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

export type TestSandbox = Sandbox;

export function startTestSandbox(options: {
  secretKey: string;
  webhookUrl: string;
  webhookSecret: string;
}): Promise<TestSandbox> {
  const { secretKey, webhookUrl: url, webhookSecret: secret } = options;
  return createSandbox({ port: 0, secretKey, webhook: { url, secret } });
}
