// How soon a change is seen: under load on two processes, a customer is blocked and unblocked by SQL, and each
// process is asked until it knows. Measured from the commit to the first answer that knows.
import pg from 'pg';

const changes = 60;

export type Seen = { changes: number; p50: number; p99: number };

/** Milliseconds over all processes; the slowest process counts for each change. */
export async function measureChange(options: {
  urls: string[];
  databaseUrl: string;
  gatewayToken: string;
  key: string;
}): Promise<Seen> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  await client.connect();
  const took: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const isBlocked = change % 2 === 0;
    await client.query(`UPDATE customer SET blocked = $1 WHERE id = 'cus_1'`, [isBlocked]);
    const from = performance.now();
    await Promise.all(options.urls.map((url) => untilSeen(url, options, isBlocked ? 403 : 200)));
    took.push(performance.now() - from);
  }
  await client.end();
  took.sort((a, b) => a - b);
  return {
    changes,
    p50: took[Math.floor(changes / 2)]!,
    p99: took[Math.ceil(changes * 0.99) - 1]!,
  };
}

async function untilSeen(
  url: string,
  { gatewayToken, key }: { gatewayToken: string; key: string },
  status: number,
): Promise<void> {
  for (let asked = 0; asked < 10_000; asked += 1) {
    const answer = await fetch(`${url}/entitlements/features/flat/0`, {
      headers: { 'x-gateway-token': gatewayToken, 'x-api-key': key },
    });
    await answer.arrayBuffer();
    if (answer.status === status) return;
  }
  throw new Error('the change was never seen');
}
