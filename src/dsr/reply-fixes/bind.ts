import type { Definition } from './fix.js'

export const bind: Definition = {
  name: 'bind',
  title: 'a socket bound to the VIP',
  language: 'js',
  unchanged: false,
  explain: () =>
    'What a bound socket sends leaves from the address that it is bound to. Costs nothing, needs no package, and most programs have ' +
    'an option for it. It takes a socket for each VIP, the VIP must be local before the program starts, and who sends health checks to the ' +
    "host's own address needs a socket there, too.",
  commands: ({ version, vip, port }) => `import { createSocket } from 'node:dgram'

const socket = createSocket('udp${version}')
socket.bind({ address: '${vip}', port: ${port} })
`,
}
