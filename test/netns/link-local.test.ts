// IPv6 link-local addresses mean something on their link only, and the same one may be on every link (RFC 4007 §6).

import { expect, test } from 'vitest'
import { useNet } from './kit.js'

const SERVER = 'fe80::1'
const CLIENT = 'fe80::2'

const net = useNet('each')

test.each(['reply', 'batch', 'from'] as const)(
  'clients with one and the same address on two links are answered on their own (%s)',
  async (way) => {
    const [server, left, right] = await net.hosts('server', 'left', 'right')
    await net.cable(server, 'left', left, 'eth0')
    await net.cable(server, 'right', right, 'eth0')
    await server.ip(`
      address add ${SERVER}/64 dev left nodad
      address add ${SERVER}/64 dev right nodad`)
    await Promise.all([left, right].map((host) => host.ip(`address add ${CLIENT}/64 dev eth0 nodad`)))

    const port = await server.call('serve', { way, type: 'udp6' })
    const question = [{ address: `${SERVER}%eth0`, port }]
    const answers = await Promise.all([left, right].map((host) => host.call('ask', question)))

    for (const [i, device] of ['left', 'right'].entries()) {
      expect(answers[i]).toMatchObject([
        {
          from: `${SERVER}%eth0`,
          accepted: true,
          told: { local: { address: `${SERVER}%${device}`, source: `${SERVER}%${device}` } },
        },
      ])
      expect(answers[i]![0]!.told!.address).toMatch(new RegExp(`^fe80::.*%${device}$`))
    }
  },
)
