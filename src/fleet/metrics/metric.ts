/** A thing that is measured. Names are as Prometheus wants them: https://prometheus.io/docs/practices/naming */
export interface Metric {
  name: string
  help: string
  /** `counter`: it only grows. */
  kind: 'counter' | 'gauge'
  labels: readonly string[]
}

export interface Sample {
  metric: Metric
  labels: Readonly<Record<string, string>>
  value: number
}

/** Where samples come from. All its metrics are known beforehand. */
export interface MetricSource {
  readonly metrics: readonly Metric[]
  /** What there is at this moment. */
  samples(): Iterable<Sample>
}

/** A metric, and how its samples are made. @param labels their names */
export function metric<const Labels extends readonly string[]>(
  kind: Metric['kind'],
  name: string,
  help: string,
  ...labels: Labels
): Metric & { of(value: number, ...values: { [Index in keyof Labels]: string }): Sample } {
  const made = {
    kind,
    name,
    help,
    labels,
    of: (value: number, ...values: readonly string[]): Sample => ({
      metric: made,
      labels: Object.fromEntries(labels.map((label, i) => [label, values[i]!])),
      value,
    }),
  }
  return made as never
}
