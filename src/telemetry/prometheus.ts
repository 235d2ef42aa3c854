/** How figures are written down for Prometheus. [O1] */
import type { Registry } from 'prom-client';

/** A metric that was described. */
export type Metric =
  | {
      readonly kind: 'info';
      readonly name: string;
      readonly help: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'gauge'; readonly name: string; readonly help: string; readonly read: () => number }
  | { readonly kind: 'reading'; readonly name: string; readonly help: string; readonly read: () => number }
  | {
      readonly kind: 'counter';
      readonly name: string;
      readonly help: string;
      readonly label: string | undefined;
      readonly tally: Tally;
    };

/** Counts by the value of one label, as cheap as a map: it is counted per publication and per connection. */
export class Tally {
  readonly counts: Map<string, number>;

  constructor(known: readonly string[]) {
    this.counts = new Map(known.map((value) => [value, 0]));
  }

  add(count: number, value = ''): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + count);
  }
}

/** The library, which is loaded when somebody first asks for the figures. */
export type Prometheus = typeof import('prom-client');

/** A registry with what the library knows of the process. */
export function openRegistry({ collectDefaultMetrics, Registry }: Prometheus): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Has the library read a metric whenever it is asked for the figures. */
export function register({ Counter, Gauge }: Prometheus, registry: Registry, metric: Metric): void {
  const { name, help } = metric;
  const registers = [registry];
  if (metric.kind === 'info') {
    const { labels } = metric;
    new Gauge({ name, help, registers, labelNames: Object.keys(labels) }).set(labels, 1);
    return;
  }
  if (metric.kind === 'gauge') {
    const gauge: InstanceType<typeof Gauge> = new Gauge({
      name,
      help,
      registers,
      collect: () => gauge.set(metric.read()),
    });
    return;
  }
  if (metric.kind === 'reading') {
    const reading: InstanceType<typeof Counter> = new Counter({
      name,
      help,
      registers,
      collect: () => {
        reading.reset();
        reading.inc(metric.read());
      },
    });
    return;
  }
  const { tally, label } = metric;
  const counter: InstanceType<typeof Counter> = new Counter({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers,
    collect: () => {
      counter.reset();
      for (const [value, count] of tally.counts) {
        if (label === undefined) counter.inc(count);
        else counter.inc({ [label]: value }, count);
      }
    },
  });
}
