// The package as an ES module: a wildcard server answers from the address that it was asked at.
import { PktInfoSocket } from 'udp-dsr'
import { createSocket } from 'udp-dsr/socket'

const server = await PktInfoSocket.bind({ type: 'udp4', port: 0 })
server.on('message', (msg, rinfo) => server.reply(msg, rinfo))

const client = createSocket('udp4')
client.on('message', (msg, rinfo) => {
  console.log(JSON.stringify({ node: process.versions.node, text: msg.toString(), from: rinfo.address }))
  client.close()
  server.close()
})
client.send('hello', server.address().port, '127.0.0.5')
