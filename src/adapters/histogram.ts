// A Prometheus histogram without labels that costs an addition per observation: the library's own hashes labels
// each time, and what sits in front of every call can feel that. Measures nothing itself.
import type { Metric, Registry } from 'prom-client';

export type Tally = { observe: (value: number) => void };

/** Registers it under `name`; `bounds` rise. Values are in the unit that the name says. */
export function createTally(options: {
  name: string;
  help: string;
  bounds: number[];
  register: Registry;
}): Tally {
  const { name, help, bounds, register } = options;
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;

  function read() {
    let count = 0;
    const buckets = [...bounds, '+Inf'].map((le, index) => {
      count += counts[index]!;
      return { metricName: `${name}_bucket`, labels: { le }, value: count };
    });
    const totals = [
      { metricName: `${name}_sum`, labels: {}, value: sum },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
    return { name, help, type: 'histogram', aggregator: 'sum', values: [...buckets, ...totals] };
  }

  function reset(): void {
    counts.fill(0);
    sum = 0;
  }

  // What a registry asks of a metric: its name, and its values when somebody scrapes.
  const metric = { name, help, reset, get: () => Promise.resolve(read()) };
  register.registerMetric(metric as unknown as Metric);
  return {
    observe(value) {
      let at = 0;
      while (at < bounds.length && value > bounds[at]!) at += 1;
      counts[at]! += 1;
      sum += value;
    },
  };
}
