// The command line's settings: the only place of it that reads the environment. Never says what a token is.
import path from 'node:path';
import { readDevFile } from '../local/dev-file.ts';
import { CliError } from './error.ts';

export type Environment = Record<string, string | undefined>;

/** Where the service is, and how we know: for messages. */
export type Target = { url: string; token: string; foundIn: string };

export type Config = {
  colors: boolean;
  /** Looked for when first needed: `test` needs no service. Throws `CliError`. */
  target: () => Target;
};

export function readConfig(env: Environment = process.env): Config {
  return {
    // https://no-color.org: any value but the empty one.
    colors: !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    target: () => findTarget(env),
  };
}

/** TOLLGATE_URL and TOLLGATE_TOKEN, or what `npm start` has written into its data folder. */
function findTarget(env: Environment): Target {
  const { TOLLGATE_URL: url, TOLLGATE_TOKEN: token } = env;
  if (url && token) {
    return { url: checkedUrl(url), token: checkedToken(token), foundIn: 'TOLLGATE_URL' };
  }
  if (url || token) {
    const missing = url ? 'TOLLGATE_TOKEN' : 'TOLLGATE_URL';
    throw new CliError(
      `${missing} is not set.`,
      'Set TOLLGATE_URL to where Tollgate answers, and TOLLGATE_TOKEN to one of its OPERATOR_TOKENS.',
    );
  }
  return localTarget(path.resolve(env['DATA_DIR'] ?? '.tollgate'));
}

function localTarget(dataDir: string): Target {
  const file = path.join(dataDir, 'dev.json');
  const dev = readLocal(dataDir, file);
  if (dev) return { url: dev.api_url, token: dev.operator_token, foundIn: file };
  throw new CliError(
    `No service is named, and none runs on ${dataDir}.`,
    'Set TOLLGATE_URL and TOLLGATE_TOKEN, or start a local one with npm start.',
  );
}

function readLocal(dataDir: string, file: string) {
  try {
    return readDevFile(dataDir);
  } catch {
    throw new CliError(`${file} cannot be read.`, 'Restart npm start: it writes the file anew.');
  }
}

function checkedUrl(url: string): string {
  const fault = (what: string) =>
    new CliError(`TOLLGATE_URL ${what}.`, 'It looks like https://billing.example.com.');
  if (!URL.canParse(url)) throw fault('is no URL');
  const { protocol, username, password, search, hash } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') throw fault('is no http or https URL');
  if (username || password) throw fault('holds a password: TOLLGATE_TOKEN is the place for that');
  if (search || hash) throw fault('ends in a query or fragment');
  return url.replace(/\/+$/, '');
}

/** What cannot stand in a header would be named, with the token, in the error of whoever builds it. */
function checkedToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CliError(
    'TOLLGATE_TOKEN holds a space, a line break or another character that no token has.',
  );
}
