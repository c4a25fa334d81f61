// One IPv4 address, many LiveKit nodes: from a plan of UDP ports to what each node is told.
//
//   npx tsx examples/port-plan.ts            # in colours on a terminal
//   npx tsx examples/port-plan.ts --svg      # the picture of docs/port-ranges.md

import { PortPlan } from 'udp-dsr/ports'

// Yours would be in a file: PortPlan.parse(await readFile('fly.toml', 'utf8')).
const plan = PortPlan.parse(`
[[services.ports]]
regions = ["sea"]
port_start = 10000
port_end = 19999
per_node = { sea-1 = 1, sea-2 = 2 } # twice the machine

[[services.ports]]
regions = ["ord"]
port_start = 20000
port_end = 29999
per_node = ["ord-1", "ord-2"]

[[services.ports]]
regions = ["fra"]
port_mask = 0x0000_0fff_0000_0000 # 12 blocks of 1024 ports

# The smallest range wins: these are taken out of ord's.
[[services.ports]]
nodes = ["recorder"]
port_start = 24000
port_end = 24499
`)

if (process.argv.includes('--svg')) process.stdout.write(plan.toSVG({ title: 'UDP ports of 198.51.100.2 by owner' }))
else show()

function show(): void {
  console.log(plan.toText({ colors: process.stdout.isTTY }))

  for (const port of [443, 15_000, 24_100, 33_000]) {
    const owner = plan.owner(port)
    const who =
      owner === undefined
        ? 'follows the default'
        : `belongs to ${owner.nodes[0] ?? owner.regions[0]} (${owner.entry.where})`
    console.log(`Port ${port} ${who}`)
  }
  console.log(`A data plane needs ${plan.blocks().length} blocks in its table\n`)

  // Each node's livekit.yaml; fra is one node, so its region will do for a name.
  for (const node of [...plan.nodes, 'fra']) console.log(plan.render('livekit', node))

  // And a firewall that lets in what belongs to the node, and nothing that belongs to another.
  console.log(plan.render('nftables', 'sea-1'))
}
