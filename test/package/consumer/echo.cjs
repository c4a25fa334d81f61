// The package through require(), which Node allows for ES modules from 20.19 on.
const { PktInfoSocket } = require('udp-dsr')
const { createSocket } = require('udp-dsr/socket')

PktInfoSocket.bind({ type: 'udp4', port: 0 }).then((server) => {
  server.on('message', (msg, rinfo) => server.reply(msg, rinfo))

  const client = createSocket('udp4')
  client.on('message', (msg, rinfo) => {
    console.log(JSON.stringify({ node: process.versions.node, text: msg.toString(), from: rinfo.address }))
    client.close()
    server.close()
  })
  client.send('hello', server.address().port, '127.0.0.5')
})
