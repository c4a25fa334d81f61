import fc from 'fast-check'

/** A config as it is written: what `readConfig` takes, and its `FleetConfig` has besides defaults. */
export type Written = Record<string, unknown>

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const powerOfTwo = (low: number, high: number) => fc.integer({ min: low, max: high }).map((exponent) => 2 ** exponent)
const port = fc.integer({ min: 1, max: 65_535 })
const hexadecimal = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => Buffer.from(array).toString('hex'))
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,8}$/)
const path = fc.stringMatching(/^\/[a-z]{1,8}$/)
const device = fc.stringMatching(/^[a-z]{2,6}[0-9]$/)
const mode = fc.constantFrom('native', 'generic', 'auto')
/** Text with all that TOML and JSON must quote. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => !value.includes('\0'))

/** Apart from each other: VIPs are no backends. */
const vip = fc.integer({ min: 1, max: 254 }).map((last) => `198.51.100.${last}`)
const host = fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 254 })).map(([third, last]) => `10.0.${third}.${last}`)

const edge = fc.record(
  {
    interface: device,
    name,
    mode,
    pin_path: path.map((folder) => `${folder}/edge`),
    state_dir: path,
    limits: fc.record(
      { services: powerOfTwo(0, 20), slots: fc.integer({ min: 1, max: 2 ** 19 }), pools: port },
      { requiredKeys: [] },
    ),
    flow_table: fc.record(
      { flows: powerOfTwo(2, 24), idle: fc.integer({ min: 1, max: 86_400 }) },
      { requiredKeys: [] },
    ),
    quic: fc.boolean(),
    events: fc.record({ sample: powerOfTwo(0, 30), bytes: powerOfTwo(12, 28) }, { requiredKeys: [] }),
    metrics: fc.record({ address: host, port }, { requiredKeys: [] }),
  },
  { requiredKeys: ['interface'] },
)

const backend = fc.record(
  {
    interface: device,
    edges: fc.array(host, { minLength: 1, maxLength: 4 }),
    endpoints: fc.array(host, { minLength: 1, maxLength: 4 }),
    deliveries: fc.constantFrom(['ipip'], ['gue'], ['ipip', 'gue']),
    gue_port: port,
    return: fc.constantFrom('direct', 'edge'),
    mode,
    pin_path: path.map((folder) => `${folder}/backend`),
  },
  { requiredKeys: ['interface', 'edges'] },
)

const rewrite = fc
  .record(
    {
      interface: device,
      vips: fc.uniqueArray(vip, { minLength: 1, maxLength: 4 }),
      hook: fc.constantFrom('auto', 'tcx', 'cgroup'),
      learn: fc.boolean(),
      flows: powerOfTwo(2, 24),
      idle: fc.integer({ min: 1, max: 86_400 }),
      ports: fc.array(port, { maxLength: 4 }),
    },
    { requiredKeys: ['interface', 'vips', 'hook', 'ports'] },
  )
  .map(({ ports, learn, ...section }) => ({
    ...section,
    ...(learn !== undefined && { learn: learn || ports.length === 0 }),
    rules: ports.map((port) => ({ port, from: section.vips[0]! })),
    ...(section.hook === 'cgroup' && { cgroup: '/sys/fs/cgroup/a', ports: [53, ...ports] }),
  }))

const health = fc
  .tuple(
    fc.constantFrom(
      { check: 'tcp' },
      { check: 'stun' },
      { check: 'dns', name: 'example.org' },
      { check: 'http', path: '/healthz' },
      { check: 'udp', payload: '70', expect: '' },
    ),
    fc.record(
      {
        port,
        interval: fc.integer({ min: 1000, max: 60_000 }),
        timeout: fc.integer({ min: 10, max: 999 }),
        rise: fc.integer({ min: 1, max: 100 }),
        floor: fc.double({ min: 0, max: 1, noNaN: true }),
        flaps: fc.record({ falls: fc.integer({ min: 2, max: 100 }) }, { requiredKeys: [] }),
      },
      { requiredKeys: ['port'] },
    ),
  )
  .map(([check, common]) => ({ ...common, ...check, timeout: common.timeout ?? 500 }))

const pool = fc
  .record(
    {
      delivery: fc.constantFrom('l2', 'ipip', 'gue', 'proxy'),
      backends: fc.uniqueArray(
        fc.record(
          { id: text, address: host, weight: fc.nat(65_535), state: fc.constantFrom('up', 'draining', 'down') },
          { requiredKeys: ['id', 'address'] },
        ),
        { selector: ({ id }) => id, maxLength: 5 },
      ),
      table: fc.constantFrom('maglev', 'bounded-rendezvous'),
      table_size: fc.constantFrom(251, 256, 65_536, 65_537),
      mtu: fc.integer({ min: 576, max: 65_535 }),
      vlan: fc.integer({ min: 1, max: 4094 }),
      health,
    },
    { requiredKeys: ['delivery'] },
  )
  .chain((section) => {
    const tunnel = section.delivery !== 'l2'
    const own = section.delivery === 'gue' || section.delivery === 'proxy'
    return fc.record({
      section: fc.constant(section),
      source: tunnel ? optional(host) : fc.constant(undefined),
      port: own ? optional(port) : fc.constant(undefined),
      bytes: optional(fc.integer({ min: 1, max: 8 })),
    })
  })
  .map(({ section, source, port, bytes }) => ({
    ...section,
    ...(source !== undefined && { source }),
    ...(port !== undefined && { port }),
    ...(bytes !== undefined && {
      quic_lb: { config_ids: [0, 3], server_id_length: bytes },
      backends: (section.backends ?? []).map((backend, i) => ({
        ...backend,
        server_id: i.toString(16).padStart(2 * bytes, '0'),
      })),
    }),
  }))

const discovery = fc.oneof(
  fc.record({ type: fc.constant('file'), path }),
  fc.record(
    {
      type: fc.constant('dns'),
      name: fc.constant('backends.example.org'),
      record: fc.constantFrom('A/AAAA', 'SRV'),
      servers: fc.array(host, { minLength: 1, maxLength: 3 }),
      interval: fc.integer({ min: 1, max: 86_400 }),
    },
    { requiredKeys: ['type', 'name'] },
  ),
  fc.record(
    {
      type: fc.constant('etcd'),
      endpoints: fc.constant(['https://10.0.1.1:2379']),
      prefix: path,
      tls: fc.record({ ca: path }, { requiredKeys: [] }),
    },
    { requiredKeys: ['type', 'endpoints'] },
  ),
)

const service = fc.record(
  {
    name: text,
    vips: fc.uniqueArray(vip, { minLength: 1, maxLength: 3 }),
    affinity: fc.constantFrom('client-ip', 'client-ip-port', 'flow'),
    echo: fc.boolean(),
  },
  { requiredKeys: ['name', 'vips'] },
)

/** Configs in which nothing is wrong. Secrets are not read: keys that name files name none that are there. */
export const anyConfig: fc.Arbitrary<Written> = fc
  .record({
    secret: hexadecimal(8),
    sections: fc.record(
      { edge, backend, rewrite, removal: fc.record({ most: fc.double({ min: 0, max: 1, noNaN: true }) }) },
      { requiredKeys: [] },
    ),
    pools: fc.dictionary(name, pool, { minKeys: 1, maxKeys: 4 }),
    discovery: fc.dictionary(name, discovery, { maxKeys: 3 }),
    services: fc.uniqueArray(service, { selector: ({ name }) => name, maxLength: 6 }),
    seed: fc.nat(),
  })
  .map(({ secret, sections, pools, discovery, services, seed }) => {
    const names = Object.keys(pools)
    const sources = Object.keys(discovery)
    return {
      secret,
      ...sections,
      pools: Object.fromEntries(
        Object.entries(pools).map(([name, pool], i) => [
          name,
          { ...pool, ...(sources.length > i && { discover: [sources[i]] }) },
        ]),
      ),
      services: services.map((service, i) => {
        const pool = names[(seed + i) % names.length]!
        return {
          ...service,
          // No two have a port in common.
          ports: [1 + i, `${100 * (i + 1)}-${100 * (i + 1) + (seed % 100)}`],
          pool,
          ...(sections.edge?.flow_table && { flow_table: true }),
          ...(sections.edge?.quic !== false &&
            sections.edge &&
            pools[pool]!.quic_lb && { quic: sections.edge.quic === true }),
        }
      }),
      discovery,
    }
  })
