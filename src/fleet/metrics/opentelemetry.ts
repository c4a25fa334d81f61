import type { Meter } from '@opentelemetry/api'
import type { MetricSource } from './metric.js'

/**
 * Lets a meter of OpenTelemetry have what sources measure, as observable counters and gauges.
 *
 * @param meter `metrics.getMeter('udp-dsr')` of `@opentelemetry/api`
 * @returns what ends it
 */
export function openTelemetry(sources: readonly MetricSource[], meter: Meter): () => void {
  const ends = sources.map((source) => {
    const instruments = new Map(
      source.metrics.map((metric) => {
        const { name, help: description } = metric
        const made =
          metric.kind === 'counter'
            ? meter.createObservableCounter(name, { description })
            : meter.createObservableGauge(name, { description })
        return [metric, made] as const
      }),
    )
    const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
      for (const { metric, labels, value } of source.samples()) result.observe(instruments.get(metric)!, value, labels)
    }
    const all = [...instruments.values()]
    meter.addBatchObservableCallback(observe, all)
    return () => meter.removeBatchObservableCallback(observe, all)
  })
  return () => {
    for (const end of ends) end()
  }
}
