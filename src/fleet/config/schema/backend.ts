import { absolutePath, address, integer, interfaceName, list, oneOf, powerOfTwo, table } from './values.js'

/** Most edges and endpoints that `Backend` takes. */
const MOST = 256

/** `[backend]` */
export const backendSchema = table({
  interface: interfaceName().meta({
    description: 'Where packets from the edges come in: Ethernet, or a device of layer 3 (TUN, WireGuard).',
    examples: ['eth0'],
  }),
  edges: list(address(), 'addresses', 1, MOST).meta({
    description: 'Addresses that edges send from (`source` of their pools). Tunnels from anybody else are dropped.',
    examples: [['10.0.0.2']],
  }),
  endpoints: list(address(), 'addresses', 1, MOST)
    .optional()
    .meta({
      description: 'Addresses of this host that tunnels end at. Default: all that the interface has.',
      examples: [['10.0.0.7']],
    }),
  deliveries: list(oneOf(['ipip', 'gue', 'proxy']), 'deliveries')
    .default(['ipip', 'gue'])
    .meta({
      description:
        'What is undone. `proxy` takes PROXY headers out of datagrams, for programs that know nothing of them.',
    }),
  gue_port: integer(1, 65_535).default(6080).meta({ description: 'UDP port that GUE comes to.' }),
  return: oneOf(['direct', 'edge']).default('direct').meta({
    description:
      'How replies go: `direct` from here to the client, past the edge; `edge` through the edge that the request came by, which needs `return_path`.',
  }),
  clients: powerOfTwo(4, 2 ** 24)
    .default(2 ** 18)
    .meta({ description: 'With `return = "edge"`: clients that are remembered, 16 bytes each. A power of two.' }),
  idle: integer(1, 86_400)
    .default(120)
    .meta({ description: 'With `return = "edge"`: seconds without a datagram after which a client is forgotten.' }),
  mode: oneOf(['native', 'generic', 'tc', 'auto'])
    .default('auto')
    .meta({ description: 'Where packets are taken, as in `[edge]`; `tc` on devices of layer 3.' }),
  pin_path: absolutePath()
    .optional()
    .meta({
      description:
        'Folder of a BPF filesystem, as in `[edge]`; another one than the edge’s. Default: it ends with the process.',
      examples: ['/sys/fs/bpf/udp-dsr-backend'],
    }),
})
