// The walk-through of docs/port-ranges.md: one address at an edge, whose ports lead to the nodes that own them.
import { expect, test } from 'vitest'
import { findCommand } from '../../../examples/netns/index.js'
import { PortPlan } from '../../../src/ports/index.js'
import { useNet } from '../../netns/kit.js'

const VIP = '198.51.100.2'
const ADDRESSES: Record<string, string> = { 'sea-1': '10.0.1.2', 'sea-2': '10.0.2.2' }

const net = useNet('each')
test.beforeEach((context) => {
  if (findCommand('nft') === undefined) context.skip('needs the program nft (package nftables)')
})

test('clients of one address reach the node that owns the port, and answers come from that address', async () => {
  const plan = PortPlan.parse(`
    [[services.ports]]
    regions = ["sea"]
    port_start = 10000
    port_end = 19999
    per_node = ["sea-1", "sea-2"]`)
  const [client, edge, first, second] = await net.hosts('client', 'edge', 'sea-1', 'sea-2')
  await net.cable(client, 'eth0', edge, 'outside')
  await client.ip('address add 203.0.113.2/24 dev eth0\nroute add default via 203.0.113.1')
  await edge.ip('address add 203.0.113.1/24 dev outside')
  for (const [i, node] of [first, second].entries()) {
    await net.cable(node, 'eth0', edge, `inside${i + 1}`)
    await node.ip(`address add 10.0.${i + 1}.2/24 dev eth0\nroute add default via 10.0.${i + 1}.1`)
    await edge.ip(`address add 10.0.${i + 1}.1/24 dev inside${i + 1}`)
  }
  await edge.namespace.sysctl({ 'net.ipv4.ip_forward': 1 })
  const elements = plan.nodes.flatMap((node) =>
    plan.windows(node).map(([low, high]) => `${low}-${high} : ${ADDRESSES[node]}`),
  )
  const input = `table ip port_plan {
    chain prerouting {
      type nat hook prerouting priority dstnat
      ip daddr ${VIP} dnat to udp dport map { ${elements.join(', ')} }
    }
  }`
  expect(await edge.namespace.run('nft', ['-f', '-'], { input })).toMatchObject({ code: 0, stderr: '' })
  const ports = [10000, 14999, 15000, 19999]
  for (const port of ports) {
    for (const node of [first, second]) await node.call('serve', { way: 'reply', type: 'udp4', port })
  }
  const answers = await client.call(
    'ask',
    ports.map((port) => ({ address: VIP, port })),
  )
  expect(answers.map(({ accepted, from, told }) => [accepted, from, told?.local?.address])).toEqual([
    [true, VIP, '10.0.1.2'],
    [true, VIP, '10.0.1.2'],
    [true, VIP, '10.0.2.2'],
    [true, VIP, '10.0.2.2'],
  ])
})
