// The package's types as a consumer sees them; compiled, not run.
import { type Batch, createSocket, PktInfoSocket, type RemoteInfo, type SocketStats } from 'udp-dsr'
import { createSocket as createSocketToo } from 'udp-dsr/socket'

const socket = await PktInfoSocket.bind({ type: 'udp4', port: 0, reusePort: true })
socket.on('message', (msg: Buffer, rinfo: RemoteInfo) => {
  const local: string = rinfo.local.address
  socket.reply(msg, rinfo)
  socket.send(msg, rinfo.port, rinfo.address, { from: { address: local }, ecn: 1 })
})
socket.on('batch', (batch: Batch) => {
  for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
})
const stats: SocketStats = socket.stats()
for await (const { msg, rinfo } of socket) {
  const size: number = msg.length + rinfo.size + stats.received
  console.log(size)
}
createSocket('udp4').bind(0)
createSocketToo({ type: 'udp6' }).close()

// @ts-expect-error there is no such type of socket
createSocket('udp5')
