import dgram from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe } from 'vitest'
import { same } from './stage.js'

/** What the types do not know yet. */
interface Sync extends dgram.Socket {
  bindSync(options?: { port?: number; address?: string }): AddressInfo
  connectSync(port: number, address?: string): void
}

describe('bind', () => {
  same('port, address and callback', async (stage) => {
    const port = await stage.freePort()
    const a = stage.watch(stage.open('a'))
    stage.attempt('a', 'bind', () => a.bind(port, '127.0.0.1', stage.callback('a', 'callback')))
    stage.log('a', 'bind returned')
    await stage.entries('a', 4)
    stage.log('a', 'address', a.address())
  })

  same('port and callback', async (stage) => {
    const port = await stage.freePort()
    const a = stage.open('a')
    a.bind(port, stage.callback('a', 'callback'))
    await stage.entries('a', 1)
    stage.log('a', a.address())
  })

  same('a callback alone', async (stage) => {
    const a = stage.open('a')
    a.bind(stage.callback('a', 'callback'))
    await stage.entries('a', 1)
    stage.learn(a)
    stage.log('a', a.address())
  })

  same('nothing', async (stage) => {
    const a = stage.watch(stage.open('a'))
    stage.attempt('a', 'bind', () => a.bind())
    await stage.entries('a', 2)
    stage.learn(a)
    stage.log('a', a.address())
  })

  same('options and callback', async (stage) => {
    const port = await stage.freePort()
    const a = stage.watch(stage.open('a'))
    a.bind({ port, address: '127.0.0.2', exclusive: true }, stage.callback('a', 'callback'))
    await stage.entries('a', 2)
    stage.log('a', a.address())
  })

  for (const [type, wildcard] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ] as const) {
    same(`${type}: an empty address is the wildcard ${wildcard}`, async (stage) => {
      const port = await stage.freePort('nobody', type)
      for (const [index, options] of [{ port }, { port, address: '' }].entries()) {
        const socket = stage.open(`socket ${index}`, type)
        socket.bind(options)
        await once(socket, 'listening')
        stage.log('address', socket.address())
        socket.close()
        await once(socket, 'close')
      }
    })
  }

  same('a port as text, and no port', async (stage) => {
    const port = await stage.freePort()
    const a = stage.open('a')
    a.bind(String(port) as unknown as number, '127.0.0.1')
    await once(a, 'listening')
    stage.log('a', a.address())
    for (const [name, nothing] of [
      ['null', null],
      ['undefined', undefined],
    ] as const) {
      const socket = stage.open(name)
      socket.bind(nothing as unknown as number, '127.0.0.1')
      await once(socket, 'listening')
      stage.learn(socket)
      stage.log(name, socket.address())
    }
  })

  same('a host name', async (stage) => {
    const a = stage.open('a')
    a.bind(0, 'localhost')
    await once(a, 'listening')
    stage.learn(a)
    stage.log('a', a.address())
  })

  same('an address that is no text', (stage) => {
    const a = stage.open('a')
    try {
      a.bind(0, 7 as unknown as string)
    } catch (error) {
      // dgram calls it "hostname", since it is dns.lookup that complains.
      stage.log('a', error instanceof TypeError, (error as NodeJS.ErrnoException).code)
    }
  })

  same('twice', async (stage) => {
    const a = stage.open('a')
    a.bind(0, '127.0.0.1')
    stage.attempt('a', 'while binding', () => a.bind(0))
    await once(a, 'listening')
    stage.attempt('a', 'when bound', () => a.bind({ port: 0 }, stage.callback('a', 'callback')))
    await stage.settle()
  })

  same('listeners get "listening" in order, and the socket as this', async (stage) => {
    const a = stage.open('a')
    a.on('listening', stage.callback('a', 'before'))
    a.bind(0, '127.0.0.1', stage.callback('a', 'callback'))
    a.on('listening', stage.callback('a', 'after'))
    await stage.entries('a', 3)
    stage.log('a', 'listeners', a.listenerCount('listening'), a.listenerCount('error'))
  })
})

// test/package/newest-node.test.ts runs this file on one that has them.
if ('bindSync' in dgram.Socket.prototype)
  describe('bindSync and connectSync of newer Nodes', () => {
    same('bind at once, and tell later', async (stage) => {
      const port = await stage.freePort()
      const a = stage.watch(stage.open('a')) as Sync
      stage.attempt('a', 'bindSync', () => a.bindSync({ port, address: '127.0.0.2' }))
      stage.attempt('a', 'again', () => a.bindSync())
      await stage.entries('a', 3)
      const peer = stage.watch(await stage.peer('peer'), 'message')
      stage.attempt('a', 'connectSync', () => a.connectSync(peer.address().port, '127.0.0.1'))
      stage.attempt('a', 'again', () => a.connectSync(peer.address().port))
      stage.log('a', a.remoteAddress())
      a.send('connected')
      await stage.entries('a', 7)
      await stage.entries('peer', 1)
      stage.log('a', 'closed', a.close())
      stage.attempt('a', 'bindSync', () => a.bindSync())
      stage.attempt('a', 'connectSync', () => a.connectSync(9))
    })

    same('fail at once', async (stage) => {
      const { port } = (await stage.peer('taken')).address()
      const a = stage.watch(stage.open('a')) as Sync
      const attempt = (label: string, call: () => unknown) => {
        try {
          stage.log('a', label, call())
        } catch (error) {
          stage.log('a', label, error instanceof TypeError, (error as NodeJS.ErrnoException).code)
        }
      }
      for (const options of [
        { port, address: '127.0.0.1' },
        { address: 'localhost' },
        { address: 5 },
        { port: -1 },
        5,
        null,
      ]) {
        attempt('bindSync', () => a.bindSync(options as object))
      }
      attempt('not bound', () => a.address())
      a.bind(0, '127.0.0.1')
      attempt('binding', () => a.bindSync())
      attempt('connect while binding', () => a.connectSync(port))
      await stage.entries('a', 10)
      for (const args of [[0], [port, 'localhost'], [port, 5], [port, '255.255.255.255']] as [number, string][]) {
        attempt('connectSync', () => a.connectSync(...args))
      }
      await stage.settle()
    })
  })

describe('a bind that fails', () => {
  same('address in use; the callback is forgotten, the socket may be bound elsewhere', async (stage) => {
    const taken = await stage.peer('taken')
    const { port } = taken.address()
    const a = stage.watch(stage.open('a'))
    a.bind(port, '127.0.0.1', stage.callback('a', 'callback'))
    stage.log('a', 'listeners', a.listenerCount('listening'))
    await stage.entries('a', 2)
    stage.log('a', 'listeners', a.listenerCount('listening'))
    a.bind(port, '127.0.0.3')
    await stage.entries('a', 4)
    stage.log('a', a.address())
  })

  same('address that is not local', async (stage) => {
    const port = await stage.freePort()
    const a = stage.watch(stage.open('a'))
    a.bind(port, '198.51.100.7')
    await stage.entries('a', 1)
    const b = stage.watch(stage.open('b', 'udp6'))
    b.bind(port, '2001:db8::7')
    await stage.entries('b', 1)
  })

  same('address of the other family', async (stage) => {
    const port = await stage.freePort()
    const a = stage.watch(stage.open('a'))
    a.bind(port, '::1')
    await stage.entries('a', 1)
  })

  same('a name that does not resolve', async (stage) => {
    const lookup = (name: string, _family: unknown, callback: (error: Error | null) => void) => {
      process.nextTick(callback, Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }))
    }
    const a = stage.watch(stage.open('a', { type: 'udp4', lookup }))
    a.bind(0, 'nowhere.invalid', stage.callback('a', 'callback'))
    await stage.entries('a', 1)
  })

  same('on a closed socket', async (stage) => {
    const a = stage.open('a')
    a.close()
    stage.attempt('a', 'bind', () => a.bind(0))
  })
})

describe('sharing an address', () => {
  same('reuseAddr lets several sockets have it', async (stage) => {
    const port = await stage.freePort()
    for (const name of ['a', 'b']) {
      const socket = stage.watch(stage.open(name, { type: 'udp4', reuseAddr: true }))
      socket.bind(port, '127.0.0.1')
      await stage.entries(name, 1)
    }
  })

  same('without it the second one fails', async (stage) => {
    const port = await stage.freePort()
    const a = stage.open('a', { type: 'udp4', reuseAddr: true }).bind(port, '127.0.0.1')
    await once(a, 'listening')
    const b = stage.watch(stage.open('b'))
    b.bind(port, '127.0.0.1')
    await stage.entries('b', 1)
  })

  same('a dual-stack socket has the port of IPv4 too, an ipv6Only one has not', async (stage) => {
    const port = await stage.freePort('nobody', 'udp6')
    for (const ipv6Only of [true, false]) {
      const six = stage.open(`six ${ipv6Only}`, { type: 'udp6', ipv6Only })
      six.bind(port, '::')
      await once(six, 'listening')
      const four = stage.watch(stage.open(`four ${ipv6Only}`))
      four.bind(port, '0.0.0.0')
      await stage.entries(`four ${ipv6Only}`, 1)
      if (!ipv6Only) continue
      six.close()
      four.close()
      await Promise.all([once(six, 'close'), once(four, 'close')])
    }
  })
})
