// A Linux host as an edge: datagrams for VIPs go to backends, in the kernel, by a configuration in a file. As root.
//
//   npx tsx examples/edge.ts eth0 edge.json                        # ends with this process
//   npx tsx examples/edge.ts eth0 edge.json /sys/fs/bpf/edge       # goes on without it, and is taken over by the next one
//
// where edge.json is what docs/run-an-edge.md describes:
//
//   { "secret": "0011223344556677",
//     "pools": { "dns": { "delivery": "l2", "backends": [{ "id": "a", "address": "10.0.0.7" }] } },
//     "services": [{ "name": "dns", "vips": ["198.51.100.2"], "ports": [53], "pool": "dns", "flowTable": true }] }
//
// `kill -HUP` lets it read the file again. A file that is wrong changes nothing.

import { readFileSync } from 'node:fs'
import { Forwarder } from 'udp-dsr/forwarder'

const [name, file, pinPath] = process.argv.slice(2)
if (name === undefined || file === undefined) {
  console.error('usage: npx tsx examples/edge.ts INTERFACE FILE [DIRECTORY FOR PINS]')
  process.exit(2)
}

const edge = await Forwarder.attach({ interface: name, pinPath, flowTable: {}, events: { sample: 1024 } })
console.log(`${edge.adopted ? 'took over' : 'attached to'} ${name}, ${edge.mode} XDP`)

async function follow(path: string): Promise<void> {
  try {
    const { services, pools, unreachable } = await edge.apply(JSON.parse(readFileSync(path, 'utf8')))
    const { added, changed, removed } = services
    console.log(`follows ${path}: ${added.length} services added, ${changed.length} changed, ${removed.length} removed`)
    for (const [pool, { movedSlots, slots }] of Object.entries(pools)) {
      console.log(`  ${pool}: ${movedSlots} of ${slots} slots have another backend`)
    }
    if (unreachable.length > 0) console.log(`  no way to ${unreachable.join(', ')}`)
  } catch (error) {
    console.error(`goes on as before: ${error instanceof Error ? error.message : error}`)
  }
}

await follow(file)
process.on('SIGHUP', () => follow(file))

// What went where, whenever there was something.
let seen = 0
const timer = setInterval(() => {
  const { services, backends } = edge.stats()
  const packets = services.reduce((sum, service) => sum + service.packets, 0)
  if (packets === seen) return
  seen = packets
  console.log(`${packets} packets: ${backends.map(({ id, packets: its }) => `${id} ${its}`).join(', ')}`)
}, 1000)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    clearInterval(timer)
    // With pins the data plane goes on: `edge.detach()` would take it away.
    await edge.close()
    console.log(pinPath === undefined ? 'detached' : `goes on, pinned below ${pinPath}`)
  })
}

// One packet of 1024, to see what they are.
for await (const { client, local, service, backend, reason } of edge.events()) {
  const way = `${client.address}:${client.port} → ${local.address}:${local.port}`
  console.log(`  ${way}  ${service ?? '–'}  ${backend?.id ?? reason}`)
}
