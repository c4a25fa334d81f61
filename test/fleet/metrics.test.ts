import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Discovery, staticMembers } from '../../src/discovery/index.js'
import {
  discoveryMetrics,
  type EdgeStatus,
  edgeMetrics,
  openTelemetry,
  prometheus,
  serveMetrics,
  socketMetrics,
  windowMetrics,
} from '../../src/fleet/index.js'
import { PktInfoSocket } from '../../src/index.js'
import { PortWindow } from '../../src/ports/index.js'

const status: EdgeStatus = {
  edge: 'fra-1',
  interface: 'eth0',
  mode: 'native',
  adopted: false,
  pid: 1,
  started: '2026-01-01T00:00:00.000Z',
  digest: '5be3c1d0',
  applied: { count: 7, at: undefined, milliseconds: 12.5 },
  services: [{ name: 'dns', vips: ['198.51.100.2'], ports: [53], pool: 'dns', packets: 1000, bytes: 64_000 }],
  pools: [
    {
      name: 'dns',
      delivery: 'l2',
      slots: 1024,
      bytes: 2048,
      digest: 'x',
      backends: [
        {
          id: 'a',
          address: '10.0.0.7',
          weight: 1,
          state: 'up',
          health: { state: 'up', reason: '', since: '' },
          packets: 600,
          bytes: 1,
        },
        {
          id: 'b"\\',
          address: '10.0.0.8',
          weight: 1,
          state: 'down',
          health: { state: 'down', reason: '', since: '' },
          packets: 400,
          bytes: 1,
        },
      ],
    },
  ],
  reasons: { ttl: { packets: 3, bytes: 192 } },
  held: [{ pool: 'dns', removed: ['c', 'd'], of: 4 }],
  edges: [
    { name: 'fra-1', digest: '5be3c1d0', same: true },
    { name: 'fra-2', digest: 'ffffffff', same: false },
  ],
  alarms: [{ kind: 'held', message: '', since: '' }],
}

describe('an edge', () => {
  const lines = [
    'udp_dsr_edge_info{edge="fra-1",interface="eth0",mode="native",members="5be3c1d0"} 1',
    'udp_dsr_service_packets_total{service="dns",pool="dns"} 1000',
    'udp_dsr_backend_packets_total{pool="dns",backend="a",address="10.0.0.7"} 600',
    'udp_dsr_backend_packets_total{pool="dns",backend="b\\"\\\\",address="10.0.0.8"} 400',
    'udp_dsr_backend_state{pool="dns",backend="a",address="10.0.0.7",state="up"} 1',
    'udp_dsr_backend_state{pool="dns",backend="a",address="10.0.0.7",state="down"} 0',
    'udp_dsr_backend_healthy{pool="dns",backend="b\\"\\\\",address="10.0.0.8"} 0',
    'udp_dsr_packets_total{reason="ttl"} 3',
    'udp_dsr_applied_total 7',
    'udp_dsr_apply_seconds 0.0125',
    'udp_dsr_alarms{kind="held"} 1',
    'udp_dsr_alarms{kind="stale"} 0',
    'udp_dsr_members_held{pool="dns"} 2',
    'udp_dsr_edges{same="false"} 1',
  ]

  it('is what Prometheus reads, each time anew', async () => {
    let current = status
    const registry = prometheus([
      edgeMetrics({
        get status() {
          return current
        },
      }),
    ])
    const text = await registry.metrics()
    for (const line of lines) expect(text.split('\n')).toContain(line)
    current = { ...status, services: [{ ...status.services[0]!, packets: 1001 }], held: [], pools: [] }
    const later = await registry.metrics()
    expect(later).toContain('udp_dsr_service_packets_total{service="dns",pool="dns"} 1001')
    // Who is gone is no longer told of.
    expect(later).not.toContain('backend="a"')
    expect(later).not.toContain('udp_dsr_members_held{')
  })

  it('is served, and nothing else is', async () => {
    const { createServer } = await import('node:net')
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as { port: number }
        probe.close(() => resolve(port))
      })
    })
    const end = await serveMetrics({ status }, { address: '127.0.0.1', port })
    try {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`)
      expect(response.headers.get('content-type')).toContain('text/plain')
      expect(await response.text()).toContain(lines[1]!)
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
    } finally {
      await end()
    }
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow()
  })
})

describe('sockets, windows and discovery', () => {
  let socket: PktInfoSocket
  let window: PortWindow
  beforeEach(async () => {
    socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    window = new PortWindow({ range: [40_000, 40_009] })
  })
  afterEach(async () => {
    await socket[Symbol.asyncDispose]()
  })

  it('are measured', async () => {
    await using discovery = new Discovery({
      providers: [staticMembers([{ pool: 'dns', id: 'a', address: '10.0.0.7' }])],
    })
    for await (const { pools } of discovery) if (pools.size > 0) break
    const registry = prometheus([
      socketMetrics({ dns: socket }),
      windowMetrics({ rtp: window }),
      discoveryMetrics(discovery),
    ])
    const answered = new Promise((resolve) => socket.once('message', resolve))
    socket.send('to myself', socket.address().port, '127.0.0.1')
    await answered
    const text = await registry.metrics()
    expect(text).toContain('udp_dsr_socket_received_total{socket="dns"} 1')
    expect(text).toContain('udp_dsr_socket_sent_total{socket="dns"} 1')
    expect(text).toContain('udp_dsr_ports_free{window="rtp"} 10')
    expect(text).toContain('udp_dsr_discovery_members{pool="dns"} 1')
  })
})

it('OpenTelemetry has the same numbers', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  let looks = 0
  const edge = {
    get status() {
      looks++
      return status
    },
  }
  const end = openTelemetry([edgeMetrics(edge)], provider.getMeter('udp-dsr'))
  await provider.forceFlush()
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  const value = (name: string, attributes: object) =>
    metrics
      .find(({ descriptor }) => descriptor.name === name)!
      .dataPoints.find((point) => JSON.stringify(point.attributes) === JSON.stringify(attributes))!.value
  expect(value('udp_dsr_service_packets_total', { service: 'dns', pool: 'dns' })).toBe(1000)
  expect(value('udp_dsr_alarms', { kind: 'held' })).toBe(1)
  expect(value('udp_dsr_apply_seconds', {})).toBe(0.0125)
  const before = looks
  expect(before).toBeGreaterThan(0)
  end()
  await provider.forceFlush()
  expect(looks).toBe(before)
  await provider.shutdown()
})
