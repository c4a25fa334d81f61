import { once } from 'node:events'
import { describe } from 'vitest'
import { same } from './stage.js'

const GROUP4 = '239.255.17.4'
const SOURCE_GROUP4 = '232.17.4.1'
const GROUP6 = 'ff01::17:4'

describe('membership', () => {
  same('datagrams of the group arrive while it lasts', async (stage) => {
    const port = await stage.freePort('a')
    const a = stage.watch(stage.open('a'), 'message')
    a.bind(port, '0.0.0.0')
    await once(a, 'listening')
    const peer = await stage.peer('peer')
    peer.setMulticastInterface('127.0.0.1')
    stage.attempt('a', 'add', () => a.addMembership(GROUP4, '127.0.0.1'))
    peer.send('member', port, GROUP4)
    await stage.entries('a', 2)
    stage.attempt('a', 'drop', () => a.dropMembership(GROUP4, '127.0.0.1'))
    peer.send('no member', port, GROUP4)
    await stage.settle()
    peer.send('unicast', port, '127.0.0.1')
    await stage.entries('a', 4)
  })

  same('of a source only', async (stage) => {
    const port = await stage.freePort('a')
    const a = stage.watch(stage.open('a'), 'message')
    a.bind(port, '0.0.0.0')
    await once(a, 'listening')
    const wanted = await stage.peer('wanted', 'udp4', '127.0.0.2')
    const other = await stage.peer('other', 'udp4', '127.0.0.3')
    for (const peer of [wanted, other]) peer.setMulticastInterface('127.0.0.1')
    stage.attempt('a', 'add', () => a.addSourceSpecificMembership('127.0.0.2', SOURCE_GROUP4, '127.0.0.1'))
    other.send('other', port, SOURCE_GROUP4)
    await stage.settle()
    wanted.send('wanted', port, SOURCE_GROUP4)
    await stage.entries('a', 2)
    stage.attempt('a', 'drop', () => a.dropSourceSpecificMembership('127.0.0.2', SOURCE_GROUP4, '127.0.0.1'))
    wanted.send('wanted no more', port, SOURCE_GROUP4)
    await stage.settle()
    wanted.send('unicast', port, '127.0.0.1')
    await stage.entries('a', 4)
  })

  // The loopback device has no route for groups of IPv6: test/netns sends to them.
  same('udp6', async (stage) => {
    const a = stage.open('a', 'udp6')
    a.bind(0, '::')
    await once(a, 'listening')
    stage.attempt('a', 'add', () => a.addMembership(GROUP6, '::%lo'))
    stage.attempt('a', 'add again', () => a.addMembership(GROUP6, '::%lo'))
    stage.attempt('a', 'drop', () => a.dropMembership(GROUP6, '::%lo'))
    stage.attempt('a', 'drop again', () => a.dropMembership(GROUP6, '::%lo'))
    stage.attempt('a', 'add source', () => a.addSourceSpecificMembership('::1', 'ff31::17:4', '::%lo'))
    stage.attempt('a', 'drop source', () => a.dropSourceSpecificMembership('::1', 'ff31::17:4', '::%lo'))
  })

  same('groups of IPv4 on a dual-stack socket', async (stage) => {
    const port = await stage.freePort('a', 'udp6')
    const a = stage.watch(stage.open('a', 'udp6'), 'message')
    a.bind(port, '::')
    await once(a, 'listening')
    const peer = stage.watch(await stage.peer('peer', 'udp4', '0.0.0.0'), 'message')
    peer.setMulticastInterface('127.0.0.1')
    stage.attempt('a', 'add', () => a.addMembership(GROUP4, '127.0.0.1'))
    stage.attempt('a', 'interface', () => a.setMulticastInterface('127.0.0.1'))
    peer.send('member', port, GROUP4)
    await stage.entries('a', 3)
    peer.addMembership(GROUP4, '127.0.0.1')
    a.send('back', peer.address().port, `::ffff:${GROUP4}`)
    await stage.entries('peer', 1)
    stage.attempt('a', 'drop', () => a.dropMembership(GROUP4, '127.0.0.1'))
  })

  same('loopback of what the socket itself sends', async (stage) => {
    const port = await stage.freePort('a')
    const a = stage.watch(stage.open('a'), 'message')
    a.bind(port, '0.0.0.0')
    await once(a, 'listening')
    a.addMembership(GROUP4, '127.0.0.1')
    a.setMulticastInterface('127.0.0.1')
    a.setMulticastTTL(0)
    a.setMulticastLoopback(true)
    a.send('heard', port, GROUP4)
    await stage.entries('a', 1)
  })

  same('what the kernel refuses', async (stage) => {
    const a = await stage.bound('a', 'udp4', { address: '0.0.0.0' })
    a.addMembership(GROUP4, '127.0.0.1')
    stage.attempt('a', 'again', () => a.addMembership(GROUP4, '127.0.0.1'))
    stage.attempt('a', 'drop another', () => a.dropMembership('239.255.17.5', '127.0.0.1'))
    stage.attempt('a', 'no group', () => a.addMembership('10.0.0.1', '127.0.0.1'))
    stage.attempt('a', 'no interface', () => a.addMembership(GROUP4, '198.51.100.9'))
    stage.attempt('a', 'drop a source', () => a.dropSourceSpecificMembership('127.0.0.1', SOURCE_GROUP4, '127.0.0.1'))
    const b = await stage.bound('b', 'udp6', { address: '::' })
    stage.attempt('b', 'no group', () => b.addMembership('2001:db8::1', '::%lo'))
    stage.attempt('b', 'drop another', () => b.dropMembership(GROUP6, '::%lo'))
  })

  for (const type of ['udp4', 'udp6'] as const) {
    same(`${type}: arguments that are none`, async (stage) => {
      const a = await stage.bound('a', type)
      const group = type === 'udp4' ? GROUP4 : GROUP6
      const source = type === 'udp4' ? '127.0.0.1' : '::1'
      const other = type === 'udp4' ? '::1' : '127.0.0.1'
      for (const method of ['addMembership', 'dropMembership'] as const) {
        const change = a[method] as (...args: unknown[]) => void
        for (const args of [[], [''], [null], ['256.256.256.256'], ['group'], [other], [group, 'eth'], [group, '']]) {
          stage.attempt('a', `${method} ${args.join()}`, () => change.apply(a, args))
        }
      }
      for (const method of ['addSourceSpecificMembership', 'dropSourceSpecificMembership'] as const) {
        const change = a[method] as (...args: unknown[]) => void
        const groups = [[], [source], [source, 5], [5, group], ['x', group], [source, 'x'], [other, group]]
        for (const args of groups) stage.attempt('a', `${method} ${args.join()}`, () => change.apply(a, args))
      }
    })
  }

  same('null and undefined leave the interface to the kernel', async (stage) => {
    const a = await stage.bound('a', 'udp4', { address: '0.0.0.0' })
    stage.attempt('a', 'undefined', () => a.addMembership('239.255.17.6', undefined))
    stage.attempt('a', 'null', () => a.addMembership('239.255.17.7', null as unknown as string))
  })
})

describe('setMulticastInterface', () => {
  for (const type of ['udp4', 'udp6'] as const) {
    same(`${type}`, async (stage) => {
      const a = await stage.bound('a', type)
      const set = a.setMulticastInterface as (...args: unknown[]) => void
      const values = ['127.0.0.1', '0.0.0.0', '::%lo', '::1%lo', '::', '198.51.100.9', '', 'lo', '::%1', 'x']
      for (const value of values) stage.attempt('a', value, () => set.call(a, value))
      for (const value of [undefined, null, 5, {}]) stage.attempt('a', String(value), () => set.call(a, value))
    })
  }
})
