// udp-dsr in the shape of node:dgram: a Buffer and an rinfo per datagram, both safe to keep.
//   --busy-poll MICROSECONDS  how long to go on asking before sleeping (20)
import { parseArgs } from 'node:util'
import { PktInfoSocket } from 'udp-dsr'

const { values } = parseArgs({ options: { 'busy-poll': { type: 'string', default: '20' } } })
const BUFFER_BYTES = 4 << 20

const socket = await PktInfoSocket.bind({
  type: 'udp4',
  port: 0,
  recvBufferSize: BUFFER_BYTES,
  sendBufferSize: BUFFER_BYTES,
  busyPoll: Number(values['busy-poll']),
})

socket.on('message', (msg, rinfo) => {
  msg[0]++
  socket.reply(msg, rinfo)
})

console.log(`ready ${socket.address().port}`)
process.on('SIGTERM', () => process.exit(0))
