import { absolutePath, address, flag, integer, interfaceName, list, oneOf, powerOfTwo, table } from './values.js'

/** Most VIPs, and most ports, that `SourceRewrite` takes. */
const MOST = 1024

const port = () => integer(1, 65_535)

const rule = table({
  port: port().meta({ description: 'Local port of the program.', examples: [5060] }),
  from: address().meta({
    description: 'The VIP that its datagrams leave from: one of `vips`.',
    examples: ['198.51.100.2'],
  }),
})

/** `[rewrite]` */
export const rewriteSchema = table({
  interface: interfaceName().meta({
    description: 'Where requests come in. Replies that leave through it are rewritten.',
    examples: ['eth0'],
  }),
  vips: list(address(), 'addresses', 1, MOST)
    .optional()
    .meta({
      description:
        'Addresses that clients ask; replies leave from the one that was asked. Default: the VIPs of all services.',
      examples: [['198.51.100.2']],
    }),
  rules: list(rule, 'tables with port and from')
    .default([])
    .meta({
      description: 'For programs that send without having been asked.',
      examples: [[{ port: 5060, from: '198.51.100.2' }]],
    }),
  hook: oneOf(['auto', 'tcx', 'clsact', 'cgroup']).default('auto').meta({
    description:
      'How replies are given their source: in the packet by TCX, or by clsact on kernels before 6.6; `cgroup`: where the program sends.',
  }),
  cgroup: absolutePath()
    .optional()
    .meta({
      description: 'With the hook `cgroup`: folder of the control group that the programs are in.',
      examples: ['/sys/fs/cgroup/system.slice/voice.service'],
    }),
  ports: list(port(), 'ports', 1, MOST)
    .optional()
    .meta({ description: 'With the hook `cgroup`: local ports of the programs that it is for.', examples: [[5060]] }),
  learn: flag().default(true).meta({
    description: 'Whether replies follow the requests that came in. Without, only `rules` count, which costs less.',
  }),
  flows: powerOfTwo(4, 2 ** 24)
    .default(65_536)
    .meta({ description: 'Requests that are remembered at least, 16 bytes each. A power of two.' }),
  idle: integer(1, 86_400).default(120).meta({ description: 'Seconds after which a request is forgotten.' }),
  pin_path: absolutePath()
    .optional()
    .meta({
      description:
        'Folder of a BPF filesystem, as in `[edge]`; another one than the edge’s. Not with `clsact`. Default: it ends with the process.',
      examples: ['/sys/fs/bpf/udp-dsr-rewrite'],
    }),
})
