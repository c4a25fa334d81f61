import type { Definition } from './fix.js'

export const pktinfo: Definition = {
  name: 'pktinfo',
  title: 'IP_PKTINFO in the program',
  language: 'js',
  unchanged: false,
  explain: () =>
    'The program asks the kernel for the destination of each datagram, and names it as the source of the answer: PktInfoSocket does ' +
    'both. Any number of VIPs, no state, nothing to guess, some 50 ns a reply. The program must be changed where it opens its socket ' +
    'and where it answers.',
  commands: ({ version, port }) => `import { PktInfoSocket } from 'udp-dsr'

const socket = await PktInfoSocket.bind({ type: 'udp${version}', port: ${port} })
socket.on('message', (msg, rinfo) => socket.reply(msg, rinfo))
`,
}
