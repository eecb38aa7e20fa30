// Which running system a script talks to: the one named by the environment, else the one that `npm start`
// has written down in its data folder. Starts nothing.
import path from 'node:path';
import { readLocalConfig } from '../../src/config.ts';
import { NoAnswerError } from '../../src/local/call.ts';
import { readDevFile } from '../../src/local/dev-file.ts';
import type { DevFile } from '../../src/local/dev-file.ts';

export type Target = {
  apiUrl: string;
  operatorToken: string;
  sandboxUrl: string;
  sandboxSecretKey: string;
};

/** Said to a person as it is, without a stack. */
export class ScriptError extends Error {}

/** All of TOLLGATE_URL, TOLLGATE_TOKEN, SANDBOX_URL and SANDBOX_SECRET_KEY, or none of them. */
export function findTarget(env: NodeJS.ProcessEnv = process.env): Target {
  const { TOLLGATE_URL, TOLLGATE_TOKEN, SANDBOX_URL, SANDBOX_SECRET_KEY } = env;
  if (TOLLGATE_URL && TOLLGATE_TOKEN && SANDBOX_URL && SANDBOX_SECRET_KEY) {
    return {
      apiUrl: TOLLGATE_URL.replace(/\/+$/, ''),
      operatorToken: TOLLGATE_TOKEN,
      sandboxUrl: SANDBOX_URL.replace(/\/+$/, ''),
      sandboxSecretKey: SANDBOX_SECRET_KEY,
    };
  }
  return targetOf(findDevFile());
}

export function targetOf(dev: DevFile): Target {
  return {
    apiUrl: dev.api_url,
    operatorToken: dev.operator_token,
    sandboxUrl: dev.sandbox_url,
    sandboxSecretKey: dev.sandbox_secret_key,
  };
}

export function findDevFile(): DevFile {
  const dataDir = path.resolve(readLocalConfig().dataDir);
  const dev = readDevFile(dataDir);
  if (!dev) throw new ScriptError(`Nothing runs on ${dataDir}: start it with npm start.`);
  return dev;
}

/** The whole of a script: what goes wrong is one line for people and exit code 1. */
export function runScript(main: () => Promise<void>): void {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      const isForPeople = error instanceof ScriptError || error instanceof NoAnswerError;
      process.stderr.write(`${isForPeople ? message : (stack ?? message)}\n`);
      process.exit(1);
    },
  );
}
