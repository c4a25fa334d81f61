// The fast echo: one call for each recvmmsg, all its answers in one sendmmsg, nothing allocated for a datagram.
//
//   npx tsx examples/echo-batch.ts [PORT]

import { capabilities, PktInfoSocket } from 'udp-dsr'

const { gso } = capabilities().options
const socket = await PktInfoSocket.bind({
  type: 'udp4',
  port: Number(process.argv[2] ?? 60002),
  // Answers of one size to one client leave merged (UDP_SEGMENT) where the kernel can do that.
  gso: gso.available,
  // Room for bursts; what the kernel drops for want of it is in stats().droppedByKernel.
  recvBufferSize: 4 * 1024 * 1024,
})

socket.on('batch', (batch) => {
  // payload(i) is a view that lives until this function returns, and that is when the replies leave. Copy what you keep.
  for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
})

let before = socket.stats()
const report = setInterval(() => {
  const now = socket.stats()
  const received = now.received - before.received
  if (received > 0) {
    const perCall = (received / (now.batches - before.batches)).toFixed(1)
    console.log(
      `${received} datagrams/s, ${perCall} a system call, ${now.droppedByKernel} dropped by the kernel so far`,
    )
  }
  before = now
}, 1000)

const { address, port } = socket.address()
console.log(`Batch echo on ${address}:${port}, gso ${gso.available ? 'on' : `off (${gso.reason})`}. Ctrl-C ends it.`)
process.once('SIGINT', () => {
  clearInterval(report)
  socket.close()
})
