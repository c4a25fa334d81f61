import { absolutePath, address, integer, interfaceName, list, oneOf, table } from './values.js'

/** Most edges and endpoints that `Backend` takes. */
const MOST = 256

/** `[backend]` */
export const backendSchema = table({
  interface: interfaceName().meta({
    description: 'Where packets from the edges come in; an Ethernet interface.',
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
  deliveries: list(oneOf(['ipip', 'gue']), 'deliveries')
    .default(['ipip', 'gue'])
    .meta({ description: 'Which tunnels are undone.' }),
  gue_port: integer(1, 65_535).default(6080).meta({ description: 'UDP port that GUE comes to.' }),
  return: oneOf(['direct'])
    .default('direct')
    .meta({ description: 'How replies go: `direct` is from here to the client, not through the edge.' }),
  mode: oneOf(['native', 'generic', 'auto'])
    .default('auto')
    .meta({ description: 'Where the program runs, as in `[edge]`.' }),
  pin_path: absolutePath()
    .optional()
    .meta({
      description:
        'Folder of a BPF filesystem, as in `[edge]`; another one than the edge’s. Default: it ends with the process.',
      examples: ['/sys/fs/bpf/udp-dsr-backend'],
    }),
})
