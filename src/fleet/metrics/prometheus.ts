import { once } from 'node:events'
import { createServer } from 'node:http'
import { Counter, Gauge, Registry } from 'prom-client'
import { metricsFailed } from '../../errors.js'
import { edgeMetrics } from './edge-metrics.js'
import type { MetricSource, Sample } from './metric.js'

/**
 * Lets a registry of prom-client have what sources measure. They are asked when the registry is.
 *
 * @param registry default: a new one
 */
export function prometheus(sources: readonly MetricSource[], registry = new Registry()): Registry {
  for (const source of sources) {
    // All metrics of a source are asked for one after the other: its samples are taken once for them all.
    let samples: Sample[] = []
    const [first] = source.metrics
    for (const metric of source.metrics) {
      const { name, help, labels } = metric
      const options = { name, help, labelNames: [...labels], registers: [registry] }
      const own = () => samples.filter((sample) => sample.metric === metric)
      const refresh = () => {
        if (metric === first) samples = [...source.samples()]
      }
      if (metric.kind === 'counter') {
        new Counter({
          ...options,
          collect() {
            refresh()
            this.reset()
            for (const { labels, value } of own()) this.inc(labels, value)
          },
        })
      } else {
        new Gauge({
          ...options,
          collect() {
            refresh()
            this.reset()
            for (const { labels, value } of own()) this.set(labels, value)
          },
        })
      }
    }
  }
  return registry
}

/**
 * Serves what an edge measures, at `/metrics`.
 *
 * @returns what ends it
 * @throws ControlError ERR_METRICS_LISTEN when it cannot listen there
 */
export async function serveMetrics(
  edge: Parameters<typeof edgeMetrics>[0],
  { address, port }: { address: string; port: number },
): Promise<() => Promise<void>> {
  const registry = prometheus([edgeMetrics(edge)])
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('Metrics are at /metrics\n')
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${error}\n`),
    )
  })
  server.listen(port, address)
  await once(server, 'listening').catch((error: unknown) => {
    throw metricsFailed(address, port, error)
  })
  server.unref()
  return async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  }
}
