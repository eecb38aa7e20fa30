// All that `npm start` runs, as one thing: brought up in order, kept up, ended in reverse. Each part is the
// process that production runs too; only its configuration is made here. Prints nothing by itself.
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '../adapters/migrate.ts';
import { createStripe } from '../adapters/stripe.ts';
import type { Environment, LocalConfig } from '../config.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { prepareDemo } from './demo.ts';
import { removeDevFile, writeDevFile } from './dev-file.ts';
import type { Demo, DevFile } from './dev-file.ts';
import { apiEnvironment, sandboxEnvironment, workerEnvironment } from './environment.ts';
import type { Endpoints } from './environment.ts';
import { choosePort, tryPort } from './free-port.ts';
import { keepPostgres } from './kept-postgres.ts';
import type { KeptPostgres } from './kept-postgres.ts';
import { makeDataFolder, makePrivateFolder } from './private-file.ts';
import { holdsWithin } from './processes.ts';
import { takeRunFile } from './run-file.ts';
import type { RunFile } from './run-file.ts';
import { loadSecrets } from './secrets.ts';

export type InstallationOptions = {
  config: LocalConfig;
  env: Environment;
  /** The npm that runs us, if any. */
  guardian: number | null;
  say: (line: string) => void;
  /** A part has failed too often: whoever started all this should end it. */
  gaveUp: (message: string) => void;
};

export type Installation = InstallationOptions & {
  dataDir: string;
  stopping: boolean;
  starting?: Promise<Started>;
  run?: RunFile;
  /** A promise, so that a stop during the start finds a server that is only just coming up. */
  postgres?: Promise<KeptPostgres>;
  endpoints?: Endpoints;
  children: Map<ChildName, Child>;
  demo?: Demo;
};

export type Started = { dev: DevFile; folders: { data: string; database: string } };
type ChildName = 'sandbox' | 'api' | 'worker';

/** Said to a person as it is, without a stack. */
export class StartError extends Error {}

const readyWithinMs = 60_000;
const startEndsWithinMs = 10_000;

export function createInstallation(options: InstallationOptions): Installation {
  const dataDir = path.resolve(options.config.dataDir);
  return { ...options, dataDir, stopping: false, children: new Map() };
}

/** Ends with everything answering; throws `StartError` for what a person can mend. */
export function startInstallation(all: Installation): Promise<Started> {
  all.starting = bringUp(all);
  return all.starting;
}

async function bringUp(all: Installation): Promise<Started> {
  await takeDataFolder(all);
  const ports = await choosePorts(all);
  const places = placesOf(all, ports);
  launch(all, 'sandbox', 'sandbox/main.ts', sandboxEnvironment(all.env, places));
  const postgres = await startDatabase(all);
  all.endpoints = { ...places, databaseUrl: postgres.url };
  await startServices(all, all.endpoints);
  all.demo = await prepareDemo({
    dataDir: all.dataDir,
    apiUrl: all.endpoints.apiUrl,
    operatorToken: all.endpoints.secrets.operator_token,
    stripe: createStripe({
      stripeSecretKey: all.endpoints.secrets.sandbox_secret_key,
      stripeApiBase: all.endpoints.sandboxUrl,
    }),
  });
  goOn(all);
  const dev = devFile(all, all.endpoints, all.demo, postgres.pid());
  writeDevFile(all.dataDir, dev);
  return { dev, folders: { data: all.dataDir, database: postgres.folder } };
}

/** Whoever uses PostgreSQL goes first. `now` is for a person who does not want to wait. */
export async function stopInstallation(all: Installation, how: 'soon' | 'now'): Promise<void> {
  all.stopping = true;
  if (all.run) removeDevFile(all.dataDir);
  const end = (name: ChildName) => all.children.get(name)?.stop(how);
  await Promise.all([end('api'), end('worker')]);
  await end('sandbox');
  // A start that is under way gives up at its next step: PostgreSQL stays until it no longer needs it.
  if (how === 'soon')
    await Promise.race([all.starting?.catch(() => undefined), pause(startEndsWithinMs)]);
  const postgres = await all.postgres?.catch(() => undefined);
  await postgres?.stop(how);
  all.run?.release();
}

async function takeDataFolder(all: Installation): Promise<void> {
  makeDataFolder(all.dataDir);
  const run = await takeRunFile(all.dataDir, all.guardian);
  if (!run) throw new StartError(`Another npm start is running on ${all.dataDir}: end it first.`);
  all.run = run;
  // Whoever waits for this file waits for a system that is up.
  removeDevFile(all.dataDir);
  makePrivateFolder(logFolder(all));
}

async function choosePorts(all: Installation): Promise<{ api: number; sandbox: number }> {
  const choose = async (variable: string, wanted: number) => {
    const port = wanted === 0 ? await choosePort(null) : await tryPort(wanted);
    if (port === null) {
      throw new StartError(
        `Port ${wanted} is taken by another program: set ${variable} to another.`,
      );
    }
    return port;
  };
  const { port, sandboxPort } = all.config;
  if (port === sandboxPort && port !== 0) {
    throw new StartError(`PORT and SANDBOX_PORT are both ${port}: set one of them to another.`);
  }
  return { api: await choose('PORT', port), sandbox: await choose('SANDBOX_PORT', sandboxPort) };
}

async function startDatabase(all: Installation): Promise<KeptPostgres> {
  goOn(all);
  all.postgres = keepPostgres({
    dataDir: all.dataDir,
    password: loadSecrets(all.dataDir).database_password,
    say: all.say,
    restarted: () => void refreshDevFile(all),
    gaveUp: all.gaveUp,
  });
  const postgres = await all.postgres;
  goOn(all);
  await migrate(postgres.url);
  return postgres;
}

function placesOf(
  all: Installation,
  ports: { api: number; sandbox: number },
): Omit<Endpoints, 'databaseUrl'> {
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  return {
    secrets: loadSecrets(all.dataDir),
    apiUrl,
    sandboxUrl: `http://127.0.0.1:${ports.sandbox}`,
    webhookUrl: `${apiUrl}/webhooks/stripe`,
    sandboxFolder: path.join(all.dataDir, 'sandbox'),
    dataFolder: all.dataDir,
  };
}

/** Not before the sandbox answers: both ask it whose account they work for. */
async function startServices(all: Installation, to: Endpoints): Promise<void> {
  await answers(all, 'sandbox', `${to.sandboxUrl}/_sandbox/clock`, to.secrets.sandbox_secret_key);
  launch(all, 'api', 'main.ts', apiEnvironment(all.env, to));
  launch(all, 'worker', 'worker.ts', workerEnvironment(all.env, to));
  await answers(all, 'api', `${to.apiUrl}/readyz`);
}

function launch(
  all: Installation,
  name: ChildName,
  script: string,
  env: Record<string, string>,
): void {
  goOn(all);
  const started = (pid: number) => {
    all.run?.remember(name, pid);
    void refreshDevFile(all);
  };
  const { say, gaveUp } = all;
  const mayRestart = () => all.demo !== undefined;
  const options = { name, script, env, started, mayRestart, say, gaveUp };
  const child = startChild({ ...options, logFolder: logFolder(all) });
  all.children.set(name, child);
}

async function answers(
  all: Installation,
  name: ChildName,
  url: string,
  token?: string,
): Promise<void> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const isUp = await holdsWithin(readyWithinMs, async () => {
    goOn(all);
    return fetch(url, { headers, signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.ok,
      () => false,
    );
  });
  if (!isUp) {
    throw new StartError(
      `${name} does not answer; its log is ${all.children.get(name)?.log ?? ''}`,
    );
  }
}

/** Between two steps of the start: somebody may have asked to end it. */
function goOn(all: Installation): void {
  if (all.stopping) throw new StartError('Stopped while starting.');
}

/** After a part was started again its pid is another. */
async function refreshDevFile(all: Installation): Promise<void> {
  const postgres = await all.postgres?.catch(() => undefined);
  if (!postgres || !all.endpoints || !all.demo || all.stopping) return;
  writeDevFile(all.dataDir, devFile(all, all.endpoints, all.demo, postgres.pid()));
}

function devFile(all: Installation, to: Endpoints, demo: Demo, postgres: number): DevFile {
  const pid = (name: ChildName) => all.children.get(name)?.pid() ?? 0;
  return {
    api_url: to.apiUrl,
    sandbox_url: to.sandboxUrl,
    sandbox_secret_key: to.secrets.sandbox_secret_key,
    webhook_url: to.webhookUrl,
    webhook_secret: to.secrets.webhook_secret,
    mail_url: `${to.apiUrl}/mail`,
    database_url: to.databaseUrl,
    operator_token: to.secrets.operator_token,
    gateway_token: to.secrets.gateway_token,
    pids: { api: pid('api'), worker: pid('worker'), sandbox: pid('sandbox'), postgres },
    demo,
  };
}

const logFolder = (all: Installation): string => path.join(all.dataDir, 'logs');
