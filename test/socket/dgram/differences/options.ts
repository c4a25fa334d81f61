import { once } from 'node:events'
import { BlockList } from 'node:net'
import type { Difference } from './index.js'
import { code, received } from './sending.js'

/** dgram has the block lists since these versions; reusePort came a little earlier. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const HAS_BLOCK_LISTS = major > 22 || (major === 22 && minor >= 13)

export const options: Difference[] = [
  {
    title: 'Options of the socket work before bind',
    why: 'dgram has no descriptor before bind and throws EBADF; a membership binds the socket behind its back, and bind then fails.',
    async scenario(stage) {
      const a = stage.open('a')
      const attempt = (name: string, call: () => void) => {
        try {
          call()
          stage.log('a', name, 'done')
        } catch (error) {
          stage.log('a', name, code(error))
        }
      }
      attempt('setBroadcast', () => a.setBroadcast(true))
      attempt('setTTL', () => a.setTTL(7))
      attempt('setRecvBufferSize', () => a.setRecvBufferSize(20_000))
      attempt('addMembership', () => a.addMembership('239.255.17.9', '127.0.0.1'))
      a.on('error', (error) => stage.log('a', 'bind', code(error)))
      a.bind(0, '127.0.0.1', () => stage.log('a', 'bound', a.getRecvBufferSize()))
      await stage.entries('a', 5)
    },
    dgram: {
      a: [
        ['setBroadcast', 'EBADF'],
        ['setTTL', 'EBADF'],
        ['setRecvBufferSize', 'ERR_SOCKET_BUFFER_SIZE'],
        ['addMembership', 'done'],
        ['bind', 'EINVAL'],
      ],
    },
    ours: {
      a: [
        ['setBroadcast', 'done'],
        ['setTTL', 'done'],
        ['setRecvBufferSize', 'done'],
        ['addMembership', 'done'],
        ['bound', 40_000],
      ],
    },
  },
  {
    title: 'Unknown options are errors, and switches are booleans',
    why: 'A misspelt reusePort that is ignored, or "false" that is true, costs a day.',
    scenario(stage) {
      const given = { reusePrt: true, reuseAddr: 'false', ipv6Only: 1 }
      for (const [name, value] of Object.entries(given)) {
        try {
          stage.open(name, { type: 'udp4', [name]: value })
          stage.log('a', name, 'opened')
        } catch (error) {
          stage.log('a', name, code(error))
        }
      }
    },
    dgram: {
      a: [
        ['reusePrt', 'opened'],
        ['reuseAddr', 'opened'],
        ['ipv6Only', 'opened'],
      ],
    },
    ours: {
      a: [
        ['reusePrt', 'ERR_UNKNOWN_OPTION'],
        ['reuseAddr', 'ERR_INVALID_ARG_TYPE'],
        ['ipv6Only', 'ERR_INVALID_ARG_TYPE'],
      ],
    },
  },
  {
    title: 'Options of newer Nodes on every Node',
    why: 'dgram has reusePort, receiveBlockList and sendBlockList since Node 22.13 and ignores them before.',
    async scenario(stage) {
      const port = await stage.freePort()
      for (const name of ['one', 'two']) {
        const socket = stage.open(name, { type: 'udp4', reusePort: true })
        socket.on('error', (error) => stage.log('reusePort', code(error)))
        socket.bind(port, '127.0.0.1', () => stage.log('reusePort', 'bound'))
        await stage.entries('reusePort', name === 'one' ? 1 : 2)
      }
      const blocked = new BlockList()
      blocked.addAddress('127.0.0.3')
      const a = stage.open('a', { type: 'udp4', receiveBlockList: blocked, sendBlockList: blocked })
      a.bind(0, '0.0.0.0')
      await once(a, 'listening')
      stage.learn(a)
      a.on('message', (msg) => stage.log('received', msg))
      const bad = stage.watch(await stage.peer('bad', 'udp4', '127.0.0.3'), 'message')
      bad.send('from a blocked address', a.address().port, '127.0.0.1')
      await stage.settle()
      const good = await stage.peer('good')
      good.send('from another', a.address().port, '127.0.0.1')
      a.send('x', bad.address().port, '127.0.0.3', (error) => stage.log('sent', code(error)))
      await stage.entries('sent', 1)
      await stage.settle()
    },
    dgram: HAS_BLOCK_LISTS
      ? { reusePort: [['bound'], ['bound']], received: [['from another']], sent: [['ERR_IP_BLOCKED']] }
      : {
          reusePort: [['bound'], ['EADDRINUSE']],
          received: [['from a blocked address'], ['from another']],
          sent: [[null]],
          bad: [received('x', 'a')],
        },
    ours: { reusePort: [['bound'], ['bound']], received: [['from another']], sent: [['ERR_IP_BLOCKED']] },
  },
  {
    title: 'An interface that does not exist is an error',
    why: 'dgram makes index 0 of the scope in ::%eht1, which is any interface.',
    async scenario(stage) {
      const a = await stage.bound('a', 'udp6')
      for (const [name, call] of Object.entries({
        setMulticastInterface: () => a.setMulticastInterface('::%nowhere'),
        dropMembership: () => a.dropMembership('ff02::1:3', '::%nowhere'),
      })) {
        try {
          stage.log('a', name, call())
        } catch (error) {
          stage.log('a', name, code(error))
        }
      }
    },
    dgram: {
      a: [
        ['setMulticastInterface', 'undefined'],
        ['dropMembership', 'EADDRNOTAVAIL'],
      ],
    },
    ours: {
      a: [
        ['setMulticastInterface', 'EINVAL'],
        ['dropMembership', 'EINVAL'],
      ],
    },
  },
  {
    title: 'lookup is given options',
    why: '@types/node promises the options of dns.lookup; dgram passes the bare number 4 or 6.',
    async scenario(stage) {
      const lookup = (name: string, given: unknown, done: (error: null, address: string, family: number) => void) => {
        stage.log('lookup', name, given)
        process.nextTick(done, null, '127.0.0.1', 4)
      }
      stage.open('a', { type: 'udp4', lookup }).bind(0, 'me')
      await stage.entries('lookup', 1)
      await stage.settle()
    },
    dgram: { lookup: [['me', 4]] },
    ours: { lookup: [['me', { family: 4 }]] },
  },
]
