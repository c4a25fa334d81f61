// udp-dsr, one call per recvmmsg: the fast form. Plain JavaScript, so that it runs the built package and nothing else.
//   --gso  merge equal replies to one peer (UDP_SEGMENT)
//   --gro  take several datagrams of a flow at once (UDP_GRO)
//   --proxy  expect a PROXY v2 header before each payload
//   --busy-poll MICROSECONDS  how long to go on asking before sleeping (20)
import { parseArgs } from 'node:util'
import { PktInfoSocket } from 'udp-dsr'

const { values } = parseArgs({
  options: {
    gso: { type: 'boolean' },
    gro: { type: 'boolean' },
    proxy: { type: 'boolean' },
    'busy-poll': { type: 'string', default: '20' },
  },
})
const BUFFER_BYTES = 4 << 20

const socket = await PktInfoSocket.bind({
  type: 'udp4',
  port: 0,
  recvBufferSize: BUFFER_BYTES,
  sendBufferSize: BUFFER_BYTES,
  gso: values.gso ?? false,
  gro: values.gro ?? false,
  busyPoll: Number(values['busy-poll']),
  ...(values.proxy && { proxyProtocol: { trusted: ['127.0.0.0/8'] } }),
})

socket.on('batch', (batch) => {
  for (let i = 0; i < batch.length; i++) {
    const payload = batch.payload(i)
    payload[0]++
    batch.reply(i, payload)
  }
})

console.log(`ready ${socket.address().port}`)
process.on('SIGTERM', () => process.exit(0))
