// The DSR echo: every datagram goes back from the address that it came to.
//
//   npx tsx examples/echo.ts [PORT]

import { PktInfoSocket } from 'udp-dsr'

const socket = await PktInfoSocket.bind({ type: 'udp4', port: Number(process.argv[2] ?? 60002) })

socket.on('message', (msg, rinfo) => {
  console.log(`${rinfo.address}:${rinfo.port} sent ${rinfo.size} bytes to ${rinfo.local.address}; echoed from there`)
  socket.reply(msg, rinfo)
})

const { address, port } = socket.address()
console.log(`Echo on ${address}:${port}. Try: socat - UDP:127.0.0.2:${port}   Ctrl-C ends it.`)
process.once('SIGINT', () => socket.close())
