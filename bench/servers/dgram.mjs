// What one writes with node:dgram. On a wildcard address it answers from an address of the kernel's choice.
import { createSocket } from 'node:dgram'

const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 })

socket.on('message', (msg, rinfo) => {
  msg[0]++
  socket.send(msg, rinfo.port, rinfo.address)
})

socket.bind(0, () => console.log(`ready ${socket.address().port}`))
process.on('SIGTERM', () => process.exit(0))
