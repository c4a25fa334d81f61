// Ports through require().
const { once } = require('node:events')
const http = require('node:http')
const { createSocket } = require('udp-dsr')
const { connect, connectUdp, createAgent, createConnector, PortPlan, PortWindow } = require('udp-dsr/ports')

const localAddress = '127.0.0.84'

async function main() {
  const plan = PortPlan.parse('[[services.ports]]\nport_start = 20000\nport_end = 20999\nregions = ["fra"]\n')
  const lease = new PortWindow({ range: [20000, 20001] }).acquire()
  const result = { owner: plan.owner(20001)?.regions[0], leased: lease.port === 20000 || lease.port === 20001 }

  const server = http.createServer((request, response) => response.end(request.socket.remoteAddress))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()

  const socket = connect({ host: 'localhost', family: 4, port, localAddress, strategy: 'exact' })
  socket.write('GET / HTTP/1.0\r\n\r\n')
  result.early = (await socket.setEncoding('utf8').toArray()).join('').endsWith(localAddress)

  const refused = connect({ host: '127.0.0.1', port: 1, localAddress })
  result.refused = (await once(refused, 'error'))[0].code

  const agent = createAgent({ localAddress, keepAlive: true })
  const ask = async () => {
    const [response] = await once(http.get({ host: '127.0.0.1', port, agent }), 'response')
    const { localPort } = response.socket
    return { localPort, body: (await response.setEncoding('utf8').toArray()).join('') }
  }
  const first = await ask()
  await new Promise(setImmediate) // the agent has the connection back
  result.agent = first.body
  result.keptAlive = (await ask()).localPort === first.localPort
  agent.destroy()

  result.connector = await new Promise((resolve, reject) => {
    createConnector({ localAddress })({ hostname: '127.0.0.1', protocol: 'http:', port: `${port}` }, (error, made) => {
      if (error) return reject(error)
      resolve(made.localAddress)
      made.destroy()
    })
  })
  server.close()

  const peer = createSocket('udp4')
  peer.bind(0, '127.0.0.1')
  await once(peer, 'listening')
  peer.on('message', (msg, rinfo) => peer.reply(`${msg} ${rinfo.address}`, rinfo))
  const udp = connectUdp({ address: '127.0.0.1', port: peer.address().port, localAddress })
  udp.send('hello')
  result.udp = String((await once(udp, 'message'))[0])
  udp.close()
  peer.close()
  console.log(JSON.stringify(result))
}

main()
