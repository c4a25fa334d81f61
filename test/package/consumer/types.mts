// The package's types as a consumer sees them; compiled, not run.
import { type Batch, createSocket, PktInfoSocket, type RemoteInfo, type SocketStats } from 'udp-dsr'
import { type BpfMap, edgeObject, loadObject } from 'udp-dsr/bpf'
import { Forwarder, type ForwarderConfig, SourceRewrite } from 'udp-dsr/forwarder'
import { FlowKey, FlowPinner, type PinningTable, type PoolChange } from 'udp-dsr/pinning'
import { connect, connectUdp, createAgent, createConnector, type Lease, PortPlan, PortWindow } from 'udp-dsr/ports'
import { type Decoded, decode, encode, type ProxyHeader, ProxyHeaderView } from 'udp-dsr/proxy'
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

const { header, payload }: Decoded = decode(Buffer.alloc(0), { versions: ['v2'] })
if (header.family === 'IPv4') console.log(header.source.address, payload.length)
const written: Buffer = encode(header satisfies ProxyHeader, { checksum: true })
const port: number | undefined = new ProxyHeaderView().read(written).sourcePort
console.log(port)

const pinner = new FlowPinner({ backends: [{ id: 'a' }], affinity: 'flow', secret: new Uint8Array(8), table: 'maglev' })
socket.on('message', (_msg: Buffer, rinfo: RemoteInfo) => {
  const id: string | undefined = pinner.pick({ client: rinfo, local: rinfo.local })?.id
  console.log(id, pinner.explain({ client: rinfo, local: rinfo.local }).why)
})
const index: number = pinner.pickIndex(new FlowKey('flow'))
const change: PoolChange = pinner.update([{ id: 'a' }, { id: 'b', state: 'draining' }])
const built: PinningTable = pinner.table
console.log(index, change.moved, built.digest)

const lease: Lease = new PortWindow({ range: [50_000, 50_999] }).acquire()
const owner: readonly string[] | undefined = PortPlan.parse('').owner(lease.port)?.regions
connect({ host: 'example.com', port: 443, localAddress: '192.0.2.7' }).end()
connectUdp({ address: '192.0.2.1', port: 53 }, (_msg, rinfo: RemoteInfo) => console.log(rinfo.port)).close()
createAgent({ protocol: 'https:', ca: 'PEM' }).destroy()
console.log(owner, createConnector({ strategy: 'exact' }))

// @ts-expect-error there is no such affinity
new FlowKey('server-ip')
// @ts-expect-error there is no version 3
encode({ version: 'v3', family: 'UNSPEC' })
// @ts-expect-error there is no such type of socket
createSocket('udp5')

const config: ForwarderConfig = {
  secret: '0011223344556677',
  pools: { p: { delivery: 'ipip', backends: [{ id: 'a', address: '10.0.0.7' }] } },
  services: [{ name: 's', vips: ['198.51.100.2'], ports: [53, '10000-19999'], pool: 'p' }],
}
await using edge = await Forwarder.attach({ interface: 'eth0' })
const { unreachable }: { unreachable: string[] } = await edge.apply(config)
const backend: string | undefined = edge.explain({ client: { address: '203.0.113.2', port: 1 } }).backend?.id
await using rewrite = await SourceRewrite.attach({ interface: 'eth0', vips: ['198.51.100.2'] })
const pools: BpfMap = loadObject(edgeObject).maps.pools
console.log(unreachable, backend, rewrite.stats().rewritten.packets, pools.entries)
