// Importing works on every system; opening a socket says which ones it needs.
import http from 'node:http'
import { promisify } from 'node:util'

Object.defineProperty(process, 'platform', { value: 'darwin' })
const { PktInfoSocket } = await import('udp-dsr')
await import('udp-dsr/socket')
await import('udp-dsr/bpf')
await import('udp-dsr/discovery')
await import('udp-dsr/dsr')
await import('udp-dsr/fleet')
const { Forwarder } = await import('udp-dsr/forwarder')
const { FlowPinner } = await import('udp-dsr/pinning')
new FlowPinner({ backends: [{ id: 'a' }], affinity: 'client-ip', secret: '0011223344556677' })
const { decode } = await import('udp-dsr/proxy')
decode(Buffer.from('PROXY UNKNOWN\r\n'))
const { connect, connectUdp, createAgent, createConnector, PortPlan, PortWindow } = await import('udp-dsr/ports')
const plan = PortPlan.parse('[[services.ports]]\nport_start = 20000\nport_end = 20999\nregions = ["fra"]\n')
const owner = plan.owner(20001).regions[0]
const leased = new PortWindow({ range: [20000, 20000] }).acquire().port

/** The code that a call, or what it calls back with, fails with. */
async function codeOf(call) {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return error.code
  }
}
const code = await codeOf(() => PktInfoSocket.bind({ type: 'udp4', port: 0 }))
const forwarder = await codeOf(() => Forwarder.attach({ interface: 'eth0' }))
const host = '127.0.0.1'
const egress = [
  await codeOf(() => connect({ host, port: 9 })),
  await codeOf(() => connectUdp({ address: host, port: 9 })),
  await codeOf(() => new Promise((_, fail) => http.get({ host, port: 9, agent: createAgent() }).on('error', fail))),
  await codeOf(() => promisify(createConnector())({ hostname: host, protocol: 'http:', port: '9' })),
]
console.log(JSON.stringify({ code, owner, leased, egress, forwarder }))
