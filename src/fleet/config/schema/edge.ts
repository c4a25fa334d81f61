import { absolutePath, address, flag, integer, interfaceName, list, oneOf, powerOfTwo, table, text } from './values.js'

const limits = table({
  services: powerOfTwo(1, 2 ** 20)
    .default(16_384)
    .meta({
      description: 'Entries of services: one for each 1024 ports of each VIP, and two for the VIP. A power of two.',
    }),
  slots: integer(1, 2 ** 19)
    .default(16_384)
    .meta({ description: 'Slots of the tables of all pools together, in thousands (1024), each of 2 KiB.' }),
  backends: integer(1, 65_535).default(8192).meta({ description: 'Backends of all pools together.' }),
  pools: integer(1, 65_535).default(1024).meta({ description: 'Pools.' }),
})

const flowTable = table({
  flows: powerOfTwo(4, 2 ** 24)
    .default(2 ** 20)
    .meta({ description: 'Flows that are remembered at most, 16 bytes each. A power of two.' }),
  idle: integer(1, 86_400)
    .default(60)
    .meta({ description: 'Seconds without a datagram after which a flow is forgotten.' }),
})

/** Endpoints at most, as `Forwarder` takes them. */
const MOST_ENDPOINTS = 64

const draining = table({
  learn: integer(1, 86_400)
    .optional()
    .meta({
      description: 'Seconds in which flows of a backend that drains are learned. Default: `idle` of `flow_table`.',
      examples: [10],
    }),
})

const returnPath = table({
  endpoints: list(address(), 'addresses', 1, MOST_ENDPOINTS)
    .optional()
    .meta({
      description: 'Addresses of this host that backends send replies to. Default: all that the interface has.',
      examples: [['10.0.0.2']],
    }),
  gue_port: integer(1, 65_535).default(6080).meta({ description: 'UDP port that GUE comes to.' }),
})

const events = table({
  sample: powerOfTwo(1, 2 ** 30)
    .default(1024)
    .meta({ description: 'One packet in so many is told, at random. A power of two.' }),
  bytes: powerOfTwo(4096, 2 ** 28)
    .default(2 ** 18)
    .meta({ description: 'Bytes of the buffer; what finds no room in it is not told. A power of two.' }),
})

const metrics = table({
  address: address()
    .default('127.0.0.1')
    .meta({ description: 'Where metrics are served. They tell who your backends are: keep them inside.' }),
  port: integer(1, 65_535).default(9464).meta({ description: 'TCP port of the metrics.' }),
})

/** `[edge]` */
export const edgeSchema = table({
  name: text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, 'a name of letters, digits, dots, hyphens and underscores')
    .optional()
    .meta({ description: 'Its name among the edges. Default: that of the host.', examples: ['fra-1'] }),
  interface: interfaceName().meta({ description: 'Where packets for the VIPs come in.', examples: ['eth0'] }),
  mode: oneOf(['native', 'generic', 'auto']).default('auto').meta({
    description: 'Where the program runs: in the driver, in the network stack, or in the driver where it can.',
  }),
  pin_path: absolutePath()
    .optional()
    .meta({
      description:
        'Folder of a BPF filesystem. With it the forwarding outlives the process, and the next one takes it over. Default: it ends with the process.',
      examples: ['/sys/fs/bpf/udp-dsr'],
    }),
  state_dir: absolutePath()
    .optional()
    .meta({
      description:
        'Folder for what was last known of the pools, for a start while discovery is away. Default: nothing is kept.',
      examples: ['/var/lib/udp-dsr'],
    }),
  limits: limits.prefault({}).meta({
    description: 'Sizes of the tables in the kernel, fixed when the edge is attached.',
    examples: [{ services: 16_384, slots: 16_384, backends: 8192, pools: 1024 }],
  }),
  flow_table: flowTable.optional().meta({
    description: 'Lets services have `flow_table`. Default: no flows are remembered.',
    examples: [{ flows: 1_048_576, idle: 60 }],
  }),
  draining: draining.optional().meta({
    description:
      'Lets backends that drain keep their flows, without a memory of all flows. Needs `flow_table`, whose memory it shares. Default: their flows move.',
    examples: [{}],
  }),
  quic: flag().default(false).meta({ description: 'Lets services have `quic`.' }),
  return_path: returnPath.optional().meta({
    description:
      'Takes replies that backends send back through this edge (`return = "edge"`). The host must forward (`net.ipv4.ip_forward`). Default: none are taken.',
    examples: [{}],
  }),
  events: events
    .optional()
    .meta({ description: 'Lets a sample of the packets be told. Default: none.', examples: [{ sample: 1024 }] }),
  metrics: metrics.optional().meta({
    description: 'Serves metrics in the format of Prometheus. Default: none.',
    examples: [{ address: '127.0.0.1', port: 9464 }],
  }),
})
