// Which backend a client's datagrams go to: chosen by a table that every edge builds alike, with nothing to remember.
//
//   npx tsx examples/pinning.ts

import { type Backend, FlowPinner } from 'udp-dsr/pinning'

// Every edge has the same list, in any order, and the same secret, which only they know.
const secret = '5f0c1d7e9a3b4826' // yours: openssl rand -hex 8
const backends: Backend[] = [
  { id: '10.0.0.1:60002' },
  { id: '10.0.0.2:60002' },
  { id: '10.0.0.3:60002', weight: 2 }, // twice the machine
]
const options = { affinity: 'client-ip-port', secret } as const
const edges = [
  new FlowPinner({ ...options, backends }),
  new FlowPinner({ ...options, backends: [...backends].reverse() }),
]
const [edge] = edges as [FlowPinner, FlowPinner]

console.log(`The edges' tables: ${edges.map(({ table }) => table.digest).join(' and ')}`)

const clients = Array.from({ length: 40_000 }, (_, i) => ({
  address: `203.0.${113 + (i >> 14)}.${i & 255}`,
  port: 1024 + i,
}))
const chosen = (pinner: FlowPinner) => clients.map((client) => pinner.pick({ client })?.id)
const [one, other] = edges.map(chosen) as [string[], string[]]
console.log(`Clients that they send to different backends: ${one.filter((id, i) => id !== other[i]).length}`)
for (const { id } of edge.backends) {
  console.log(`  ${id} has ${((100 * one.filter((it) => it === id).length) / clients.length).toFixed(1)} %`)
}

// A backend is about to be taken down: new clients go elsewhere, and its own may stay until they are done.
const draining = backends.map((one, i): Backend => (i === 1 ? { ...one, state: 'draining' } : one))
const { moved, backends: changes } = edge.update(draining)
console.log(`10.0.0.2 drains: ${(100 * moved).toFixed(1)} % of new clients go elsewhere`)
for (const { id, gained, lost } of changes) {
  console.log(`  ${id} gains ${(100 * gained).toFixed(1)} %, loses ${(100 * lost).toFixed(1)} %`)
}

const client = clients.find((_, i) => one[i] === '10.0.0.2:60002') as { address: string; port: number }
const { key, why } = edge.explain({ client })
console.log(`${client.address}:${client.port}, key ${key}: ${why}`)
console.log(
  `So a new flow of it goes to ${edge.pick({ client })?.id}, one it has already to ${edge.pickPrevious({ client })?.id}`,
)
