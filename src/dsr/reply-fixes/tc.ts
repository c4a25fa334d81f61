import type { Definition } from './fix.js'

export const tc: Definition = {
  name: 'tc',
  title: 'SourceRewrite, where packets leave the interface',
  language: 'js',
  unchanged: true,
  explain: () =>
    'A BPF program at the interface remembers which VIP each client asked, and gives its replies that source. Any number of VIPs and ports, ' +
    'any program; some 155 to 270 ns a round trip. A client port that asks two VIPs at once is answered from the one that it asked last. Needs CAP_BPF, ' +
    'CAP_NET_ADMIN and CAP_PERFMON, and Linux 6.6 for TCX (clsact before). It ends with its process unless it has a pinPath.',
  commands: ({ vip, interface: name }) => `import { SourceRewrite } from 'udp-dsr/forwarder'

const rewrite = await SourceRewrite.attach({ interface: '${name}', vips: ['${vip}'] })
`,
  undo: () => 'await rewrite.detach()\n',
}
