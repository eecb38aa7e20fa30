// Service time at half load: what the server itself measured (its own histogram) while it was asked at half the
// rate it can answer. The load generator's waiting is not in it.
import autocannon from 'autocannon';

export type HalfLoad = { perSecond: number; underOneMs: number };

export async function measureHalfLoad(options: {
  url: string;
  gatewayToken: string;
  keys: string[];
  fullRate: number;
  seconds: number;
}): Promise<HalfLoad> {
  const perSecond = Math.round(options.fullRate / 2);
  const before = await readHistogram(options.url);
  await autocannon({
    url: `${options.url}/entitlements`,
    connections: 32,
    duration: options.seconds,
    overallRate: perSecond,
    requests: options.keys.slice(0, 5_000).map((key) => ({
      headers: {
        'x-gateway-token': options.gatewayToken,
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/flat',
        'x-api-key': key,
      },
    })),
  });
  // Tallies are handed to the histogram once a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const after = await readHistogram(options.url);
  return { perSecond, underOneMs: (after.fast - before.fast) / (after.all - before.all) };
}

async function readHistogram(url: string): Promise<{ fast: number; all: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (line: RegExp) => Number(line.exec(text)?.[1] ?? 0);
  return {
    fast: read(/tollgate_check_duration_seconds_bucket\{le="0.001"\} (\d+)/),
    all: read(/tollgate_check_duration_seconds_count (\d+)/),
  };
}
