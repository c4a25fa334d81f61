// Two sockets on one port, each for one interface (option `bindToDevice`).

import { expect, test } from 'vitest'
import { useNet } from './kit.js'

const net = useNet('each')
const PORT = 60002

test.each(['udp4', 'udp6'] as const)('sockets on one port serve their own interface only (%s)', async (type) => {
  const [client, server] = await net.hosts('client', 'server')
  await net.cable(client, 'eth0', server, 'eth0')
  await net.cable(client, 'eth1', server, 'eth1')
  const address = (network: number, host: number) =>
    type === 'udp6' ? `fd00:${network + 1}::${host}` : `10.0.${network}.${host}`
  const bits = type === 'udp6' ? 64 : 24
  for (const network of [0, 1]) {
    await client.ip(`address add ${address(network, 2)}/${bits} dev eth${network} nodad`)
    await server.ip(`address add ${address(network, 1)}/${bits} dev eth${network} nodad`)
  }
  const questions = [0, 1].map((network) => ({ address: address(network, 1), port: PORT, patience: 500 }))

  await server.call('serve', { way: 'reply', type, port: PORT, options: { bindToDevice: 'eth1' } })
  expect((await client.call('ask', questions)).map(({ accepted }) => accepted)).toEqual([false, true])

  await server.call('serve', { way: 'reply', type, port: PORT, options: { bindToDevice: 'eth0' } })
  const answers = await client.call('ask', questions)
  expect(answers.map(({ accepted }) => accepted)).toEqual([true, true])
  expect(answers.map(({ from }) => from)).toEqual(questions.map((question) => question.address))
})

test('an interface that does not exist is named in the error', async () => {
  const [server] = await net.hosts('server')
  await expect(
    server.call('serve', { way: 'reply', type: 'udp4', options: { bindToDevice: 'eth7' } }),
  ).rejects.toMatchObject({ code: 'ENODEV', message: expect.stringContaining('eth7') })
})
