// Loads one server on 127.0.0.1 for some seconds: with wrk where it is installed, else with autocannon, which is
// slower itself and so flatters whoever is slow. Stops by itself.
import { spawnSync } from 'node:child_process';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

export type Load = {
  url: string;
  uri: string;
  keysFile: string;
  gatewayToken: string;
  connections: number;
  seconds: number;
};
export type Measured = {
  requests: number;
  seconds: number;
  p50: number;
  p99: number;
  p999: number;
  socketErrors: number;
  denied: number;
};

const script = fileURLToPath(new URL('./load.lua', import.meta.url));
const run = promisify(execFile);
export const loader = spawnSync('wrk', ['-v']).error ? 'autocannon' : 'wrk';

/** Latencies in milliseconds. */
export async function measure(load: Load): Promise<Measured> {
  return loader === 'wrk' ? withWrk(load) : withAutocannon(load);
}

async function withWrk(load: Load): Promise<Measured> {
  const { stdout } = await run(
    'wrk',
    [
      '-t',
      '1',
      '-c',
      String(load.connections),
      '-d',
      `${load.seconds}s`,
      '-s',
      script,
      load.url,
      '--',
      load.keysFile,
      load.uri,
    ],
    {
      env: { ...process.env, BENCH_GATEWAY_TOKEN: load.gatewayToken },
      timeout: (load.seconds + 60) * 1000,
    },
  );
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (!line) throw new Error(`wrk said nothing: ${stdout}`);
  return JSON.parse(line) as Measured;
}

async function withAutocannon(load: Load): Promise<Measured> {
  const keys = readFileSync(load.keysFile, 'utf8').trim().split('\n');
  const result = await autocannon({
    url: `${load.url}/entitlements`,
    connections: load.connections,
    duration: load.seconds,
    requests: keys.slice(0, 10_000).map((key) => ({
      headers: {
        'x-gateway-token': load.gatewayToken,
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': load.uri,
        'x-api-key': key,
      },
    })),
  });
  return {
    requests: result.requests.total,
    seconds: result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    p999: result.latency.p99_9,
    socketErrors: result.errors,
    denied: result.non2xx,
  };
}
