// The bench's table: a row per scenario, and its ratio to the bare server under as many connections.

export type Row = {
  name: string;
  keys: number;
  processes: number;
  connections: number;
  perSecond: number;
  p50: number;
  p99: number;
  p999: number;
  cpuMicros: number;
  residentMiB: number;
  errors: number;
};

const method = `What this is: one load generator, the servers and PostgreSQL share this machine's cores, so rates are lower than
on machines of their own, and two processes gain little where there are two cores. Ratios compare rows of this run.
Each row is the best of the rounds, after one that is not counted. Keys are asked in turn, each was asked before: caches
are warm. Customers: 10,000, or as many as keys. Latency is the load generator's view at full load, so it is mostly
waiting; it is not service time. CPU is the server process's own, without PostgreSQL's. Not measured: a network, TLS, a
gateway in front, keys asked for the first time. If the machine was not idle before, read CPU per request instead.`;

type Machine = { loader: string; seconds: number; rounds: number; loadBefore: number };

export function printTable(rows: Row[], { loader, seconds, rounds, loadBefore }: Machine): void {
  const heads = [
    'scenario',
    'keys',
    'proc',
    'conn',
    'req/s',
    '/bare',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'CPU us',
    'MiB',
    'errors',
  ];
  const lines = rows.map((row) => {
    const bare = rows.find(
      ({ name, connections }) => name.startsWith('bare') && connections === row.connections,
    );
    const ratio = bare ? (row.perSecond / bare.perSecond).toFixed(2) : '';
    return [
      row.name,
      row.keys,
      row.processes,
      row.connections,
      row.perSecond,
      ratio,
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      row.p999.toFixed(2),
      row.cpuMicros,
      row.residentMiB,
      row.errors,
    ].map(String);
  });
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...lines.map((line) => line[i]!.length)),
  );
  const print = (line: string[]) =>
    process.stdout.write(
      `${line.map((cell, i) => (i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')}\n`,
    );
  process.stdout.write(
    `\n${loader}, ${seconds} s a round, ${rounds} rounds; load of the machine before: ${loadBefore.toFixed(1)}\n\n`,
  );
  print(heads);
  for (const line of lines) print(line);
  process.stdout.write(`\n${method}\n`);
}
