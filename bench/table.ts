// The bench's table: a row per scenario as soon as it is measured, and its ratio to the bare server with as many
// processes and connections.

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
are warm. Customers: 10,000. Latency is the load generator's view at full load, so it is mostly waiting; it is not
service time. CPU is the server process's own, without PostgreSQL's. Not measured: a network, TLS, a gateway in front,
keys asked for the first time. If the machine was not idle before, read CPU per request instead.`;

type Machine = { loader: string; seconds: number; rounds: number; loadBefore: number };
const columns: [head: string, width: number, of: (row: Row, bare: Row | undefined) => string][] = [
  ['scenario', -32, (row) => row.name],
  ['keys', 8, (row) => String(row.keys)],
  ['proc', 5, (row) => String(row.processes)],
  ['conn', 5, (row) => String(row.connections)],
  ['req/s', 8, (row) => String(row.perSecond)],
  ['/bare', 6, (row, bare) => (bare ? (row.perSecond / bare.perSecond).toFixed(2) : '')],
  ['p50 ms', 8, (row) => row.p50.toFixed(2)],
  ['p99 ms', 8, (row) => row.p99.toFixed(2)],
  ['p99.9 ms', 9, (row) => row.p999.toFixed(2)],
  ['CPU us', 7, (row) => String(row.cpuMicros)],
  ['/bare', 6, (row, bare) => (bare ? (bare.cpuMicros / row.cpuMicros).toFixed(2) : '')],
  ['MiB', 5, (row) => String(row.residentMiB)],
  ['errors', 7, (row) => String(row.errors)],
];

/** The first `/bare` compares rates, the second CPU per request: what the machine had left says nothing there. */
export function printHead({ loader, seconds, rounds, loadBefore }: Machine): void {
  process.stdout.write(
    `\n${loader}, ${seconds} s a round, ${rounds} rounds; load of the machine before: ${loadBefore.toFixed(1)}\n\n`,
  );
  print(columns.map(([head]) => head));
}

/** `rows` are those measured before; the bare server's come first. */
export function printRow(row: Row, rows: Row[]): void {
  const bare = rows.find(
    ({ name, connections, processes }) =>
      name.startsWith('bare') && connections === row.connections && processes === row.processes,
  );
  print(columns.map(([, , of]) => of(row, bare)));
}

export function printMethod(): void {
  process.stdout.write(`\n${method}\n`);
}

function print(cells: string[]): void {
  const line = cells.map((cell, i) => {
    const width = columns[i]![1];
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
  });
  process.stdout.write(`${line.join(' ')}\n`);
}
