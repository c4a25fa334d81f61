import { once } from 'node:events'
import type { Difference } from './index.js'

/** The code of an error, for traces that need not show more. */
export const code = (error: unknown): unknown => (error as NodeJS.ErrnoException | null)?.code ?? error

export const sending: Difference[] = [
  {
    title: 'A failed send without a callback is told',
    why: 'dgram says nothing. Here it is counted (stats().sendErrors) and emitted as "sendError", which is never fatal.',
    async scenario(stage) {
      const a = await stage.bound('a')
      a.on('sendError', (error) => stage.log('a', 'sendError', code(error)))
      a.send(Buffer.alloc(65_508), 9, '127.0.0.1')
      await stage.settle()
      stage.log('a', 'goes on')
    },
    dgram: { a: [['goes on']] },
    ours: { a: [['sendError', 'EMSGSIZE'], ['goes on']] },
  },
  {
    title: 'The payload is copied by send',
    why: 'dgram reads the buffer a tick later or when the name is resolved, so that it must not be used again before the callback.',
    async scenario(stage) {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const { port } = peer.address()
      const send = (socket: import('node:dgram').Socket, address: string) => {
        const payload = Buffer.from('first')
        socket.send(payload, port, address)
        payload.write('later')
      }
      const bound = await stage.bound('bound')
      send(bound, '127.0.0.1')
      await stage.entries('peer', 1)
      send(bound, 'localhost')
      await stage.entries('peer', 2)
      const unbound = stage.open('unbound')
      unbound.on('listening', () => stage.learn(unbound))
      send(unbound, '127.0.0.1')
      await stage.entries('peer', 3)
    },
    dgram: { peer: ['bound', 'bound', 'unbound'].map((name) => received('later', name)) },
    ours: { peer: ['bound', 'bound', 'unbound'].map((name) => received('first', name)) },
  },
  {
    title: 'A callback is always called, and with a number of bytes',
    why:
      'dgram forgets the callbacks of sends that wait for a bind that fails, or for a name when the socket is closed. ' +
      'Its types promise a number where it passes nothing.',
    async scenario(stage) {
      const callback = (actor: string) => (error: Error | null, bytes: number) => stage.log(actor, code(error), bytes)
      const taken = await stage.peer('taken')
      const unbound = stage.open('unbound')
      unbound.on('error', (error) => stage.log('unbound', 'error', code(error)))
      unbound.bind(taken.address().port, '127.0.0.1')
      unbound.send('x', 9, '127.0.0.1', callback('unbound'))
      await stage.settle()
      const lookup = (
        _name: string,
        _options: unknown,
        done: (error: null, address: string, family: number) => void,
      ) => {
        setImmediate(done, null, '127.0.0.1', 4)
      }
      const named = await stage.bound('named', { type: 'udp4', lookup })
      named.send('x', 9, 'friend', callback('named'))
      named.close()
      await stage.settle()
      stage.log('named', 'closed')
      const failing = await stage.bound('failing')
      failing.send(Buffer.alloc(65_508), 9, '127.0.0.1', callback('failing'))
      await stage.entries('failing', 1)
    },
    dgram: { unbound: [['error', 'EADDRINUSE']], named: [['closed']], failing: [['EMSGSIZE', 'undefined']] },
    ours: {
      unbound: [
        ['error', 'EADDRINUSE'],
        ['EADDRINUSE', 0],
      ],
      named: [['ERR_SOCKET_DGRAM_NOT_RUNNING', 0], ['closed']],
      failing: [['EMSGSIZE', 0]],
    },
  },
  {
    title: 'IPv4 addresses as they are on udp6 sockets',
    why: 'dgram wants ::ffff:192.0.2.1 written out, though a dual-stack socket reaches 192.0.2.1.',
    async scenario(stage) {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const { port } = peer.address()
      const a = stage.open('a', 'udp6')
      a.bind(0)
      await once(a, 'listening')
      stage.learn(a)
      a.send('x', port, '127.0.0.1', (error) => stage.log('send', code(error)))
      await stage.entries('send', 1)
      a.connect(port, '127.0.0.1', ((error?: Error) => stage.log('connect', code(error))) as () => void)
      await stage.entries('connect', 1)
      const b = stage.open('b', 'udp6')
      b.on('error', (error) => stage.log('bind', code(error)))
      b.bind(0, '127.0.0.3', () => stage.log('bind', b.address().address))
      await stage.entries('bind', 1)
    },
    dgram: { send: [['EINVAL']], connect: [['EINVAL']], bind: [['EINVAL']] },
    ours: {
      send: [[null]],
      connect: [['undefined']],
      bind: [['::ffff:127.0.0.3']],
      peer: [received('x', 'a')],
    },
  },
  {
    title: 'What is sent while a socket connects goes where it was sent to',
    why: 'dgram looks the address up first, by then the socket is connected, and the kernel refuses it (EISCONN).',
    async scenario(stage) {
      const peer = await stage.peer('peer')
      const other = stage.watch(await stage.peer('other'), 'message')
      const a = await stage.bound('a')
      a.connect(peer.address().port, '127.0.0.1')
      a.send('x', other.address().port, '127.0.0.1', (error) => stage.log('a', code(error)))
      await stage.entries('a', 1)
      await stage.settle()
    },
    dgram: { a: [['EISCONN']] },
    ours: { a: [[null]], other: [received('x', 'a')] },
  },
  {
    title: 'A connected socket refuses every destination, and finds the callback anywhere',
    why: 'dgram takes send(msg, port, address) and sends to another address than it says; with a callback behind, it throws.',
    async scenario(stage) {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const other = stage.watch(await stage.peer('other'), 'message')
      const a = await stage.bound('a')
      a.connect(peer.address().port, '127.0.0.1')
      await once(a, 'connect')
      const { port } = other.address()
      const attempt = (label: string, call: () => void) => {
        try {
          call()
          stage.log('a', label, 'sent')
        } catch (error) {
          stage.log('a', label, code(error))
        }
      }
      attempt('destination', () => a.send('other', port, '127.0.0.1'))
      attempt('destination and callback', () => a.send('other', port, '127.0.0.1', () => {}))
      attempt('callback', () => a.send('last', undefined, undefined, () => {}))
      a.send('end')
      await stage.settle()
    },
    dgram: {
      a: [
        ['destination', 'sent'],
        ['destination and callback', 'ERR_SOCKET_DGRAM_IS_CONNECTED'],
        ['callback', 'ERR_SOCKET_DGRAM_IS_CONNECTED'],
      ],
      peer: [received('other', 'a'), received('end', 'a')],
    },
    ours: {
      a: [
        ['destination', 'ERR_SOCKET_DGRAM_IS_CONNECTED'],
        ['destination and callback', 'ERR_SOCKET_DGRAM_IS_CONNECTED'],
        ['callback', 'sent'],
      ],
      peer: [received('last', 'a'), received('end', 'a')],
    },
  },
]

/** A datagram that a peer logged. */
export function received(text: string, from: string): unknown[] {
  return ['message', text, { address: '127.0.0.1', family: 'IPv4', port: `port of ${from}`, size: text.length }]
}
