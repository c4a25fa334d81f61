// An echo that puts itself into a pool of etcd, for edges to find, and drains before it stops.
//
//   npx tsx examples/register.ts http://127.0.0.1:2379 10.0.0.7        # in the pool echo, by the name of the host
//   npx tsx examples/register.ts http://127.0.0.1:2379 127.0.0.1 a 0   # as a, on a port that the kernel chooses
//
// It prints what an edge would see, too. To try it: `etcd`, from Debian's etcd-server.

import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { PktInfoSocket } from 'udp-dsr'
import { Discovery, etcdMembers, register } from 'udp-dsr/discovery'

const [endpoint, address, id = hostname(), port = '60002'] = process.argv.slice(2)
if (endpoint === undefined || address === undefined) {
  console.error('usage: npx tsx examples/register.ts ETCD ADDRESS [ID] [PORT]')
  process.exit(2)
}
/** Milliseconds that flows have to end; two minutes and more where they are long. */
const DRAINING = 1000

const socket = await PktInfoSocket.bind({ type: 'udp4', port: Number(port) })
socket.on('message', (msg, rinfo) => socket.reply(msg, rinfo))
console.log(`Echo on port ${socket.address().port}.   Ctrl-C drains and ends it.`)

// Only now, when it can answer. Dies the process, the member goes after `ttl` seconds.
const registration = await register({ endpoints: [endpoint], pool: 'echo', id, address, ttl: 2 })
console.log(`Registered as echo/${id}`)

const discovery = new Discovery({ providers: [etcdMembers({ endpoints: [endpoint] })] })

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await registration.drain() // edges give it no new flows any more
    await sleep(DRAINING)
    await registration.close() // and now it is gone
    await discovery.close()
    socket.close()
  })
}

for await (const { pools, digest } of discovery) {
  const echo = pools.get('echo') ?? []
  console.log(
    `${digest}: ${echo.map(({ id, address, state }) => `${id} at ${address} ${state ?? 'up'}`).join(', ') || 'nobody'}`,
  )
}
