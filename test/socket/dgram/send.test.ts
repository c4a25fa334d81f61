import { once } from 'node:events'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { same } from './stage.js'

/** No resolver is asked for it: a label holds 63 characters (RFC 1035 §2.3.4). */
const NOWHERE = 'x'.repeat(64)

/** What may be sent, all of it the same five bytes. */
const PAYLOADS = {
  text: 'hello',
  Buffer: Buffer.from('hello'),
  Uint8Array: new Uint8Array(Buffer.from('hello')),
  Int8Array: new Int8Array(Buffer.from('hello')),
  DataView: new DataView(new Uint8Array(Buffer.from('..hello..')).buffer, 2, 5),
  'part of a buffer': Buffer.from('..hello..').subarray(2, 7),
  'list of all kinds': [
    'h',
    Buffer.from('e'),
    new Uint8Array(Buffer.from('l')),
    new DataView(Buffer.from('lo').buffer.slice(0), 0, 0),
    'lo',
  ],
}

describe('send', () => {
  for (const [name, payload] of Object.entries(PAYLOADS)) {
    same(`a payload of ${name}`, async (stage) => {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const a = await stage.bound('a')
      a.send(payload, peer.address().port, '127.0.0.1', stage.callback('a', 'sent'))
      await stage.entries('a', 1)
      await stage.entries('peer', 1)
    })
  }

  same('words of two bytes as the bytes they are', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    a.send(new Uint16Array([0x6548, 0x6c6c]), peer.address().port, stage.callback('a', 'sent'))
    await stage.entries('peer', 1)
    await stage.entries('a', 1)
  })

  same('nothing: an empty payload, an empty list, a list of empty parts', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    const { port } = peer.address()
    for (const empty of ['', Buffer.alloc(0), [], ['', Buffer.alloc(0)]]) {
      a.send(empty, port, '127.0.0.1', stage.callback('a', 'sent'))
    }
    a.send(Buffer.from('abc'), 3, 0, port, '127.0.0.1', stage.callback('a', 'sent'))
    await stage.entries('peer', 5)
    await stage.entries('a', 5)
  })

  same('every overload', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    const { port } = peer.address()
    const bytes = Buffer.from('0123456789')
    a.send('port', port)
    a.send('port, address', port, '127.0.0.1')
    a.send('port, callback', port, stage.callback('a', 'port'))
    a.send('port, address, callback', port, '127.0.0.1', stage.callback('a', 'address'))
    a.send('empty address', port, '', stage.callback('a', 'empty address'))
    a.send(bytes, 1, 2, port)
    a.send(bytes, 2, 3, port, '127.0.0.1')
    a.send(bytes, 3, 4, port, stage.callback('a', 'slice, port'))
    a.send(bytes, 4, 5, port, '127.0.0.1', stage.callback('a', 'slice, address'))
    a.send('text in part', 0, 4, port, '127.0.0.1')
    a.send('port as text', String(port) as unknown as number, '127.0.0.1')
    a.send('null address', port, null as unknown as string)
    a.send('no callback', port, '127.0.0.1', 0 as unknown as () => void)
    await stage.entries('peer', 13)
    await stage.entries('a', 5)
  })

  same('udp6: the loopback address by default, and others', async (stage) => {
    const peer = stage.watch(await stage.peer('peer', 'udp6'), 'message')
    const a = await stage.bound('a', 'udp6')
    a.send('default', peer.address().port, stage.callback('a', 'sent'))
    a.send('named', peer.address().port, '::1', stage.callback('a', 'sent'))
    await stage.entries('peer', 2)
    await stage.entries('a', 2)
  })

  same('sendto', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = (await stage.bound('a')) as unknown as { sendto(...args: unknown[]): void }
    const { port } = peer.address()
    a.sendto('hello', 1, 3, port, '127.0.0.1', stage.callback('a', 'sent'))
    await stage.entries('peer', 1)
    await stage.entries('a', 1)
    for (const args of [['x'], ['x', 0], ['x', 0, 1], ['x', 0, 1, port], ['x', 0, 1, String(port), '127.0.0.1']]) {
      stage.attempt('a', String(args.length), () => a.sendto(...args))
    }
  })

  same('util.promisify', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    const send = promisify(a.send).bind(a) as (...args: unknown[]) => Promise<number>
    stage.log('a', await send('hello', peer.address().port, '127.0.0.1'))
    await stage.entries('peer', 1)
    await send(Buffer.alloc(65_508), peer.address().port, '127.0.0.1').catch((error) => stage.log('a', error))
  })

  same('datagrams and callbacks keep their order', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    for (let i = 0; i < 20; i++) a.send(`datagram ${i}`, peer.address().port, stage.callback('a', `callback ${i}`))
    stage.log('a', 'later')
    await stage.entries('peer', 20)
    await stage.entries('a', 21)
  })

  same('the longest datagram, and one that is too long', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    const { port } = peer.address()
    a.send(Buffer.alloc(65_507), port, '127.0.0.1', stage.callback('a', 'fits'))
    a.send(Buffer.alloc(65_508), port, '127.0.0.1', (error) => stage.log('a', 'too long', error))
    a.send(Buffer.alloc(100_000), port, '127.0.0.1', (error) => stage.log('a', 'far too long', error))
    a.send([Buffer.alloc(60_000), Buffer.alloc(60_000)], port, '127.0.0.1', (error) => stage.log('a', 'list', error))
    a.send('after', port, '127.0.0.1', stage.callback('a', 'after'))
    await stage.entries('peer', 2)
    await stage.entries('a', 5)
  })

  same('the longest datagram over IPv6', async (stage) => {
    const peer = stage.watch(await stage.peer('peer', 'udp6'), 'message')
    const a = await stage.bound('a', 'udp6')
    a.send(Buffer.alloc(65_507), peer.address().port, '::1', stage.callback('a', '65507'))
    a.send(Buffer.alloc(65_536), peer.address().port, '::1', (error) => stage.log('a', '65536', error))
    await stage.entries('peer', 1)
    await stage.entries('a', 2)
  })

  same('broadcast without leave', async (stage) => {
    const a = await stage.bound('a', 'udp4', { address: '0.0.0.0' })
    a.send('x', 9, '127.255.255.255', (error) => stage.log('a', error))
    await stage.entries('a', 1)
    a.setBroadcast(true)
    a.send('x', 9, '127.255.255.255', stage.callback('a', 'allowed'))
    await stage.entries('a', 2)
  })

  same('to an address of the other family', async (stage) => {
    const port = await stage.freePort()
    const a = await stage.bound('a')
    a.send('x', port, '::1', (error) => stage.log('a', error))
    await stage.entries('a', 1)
  })
})

describe('send on a socket that is not bound', () => {
  same('binds it to the wildcard', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = stage.watch(stage.open('a'))
    a.on('listening', () => stage.learn(a))
    stage.attempt('a', 'send', () => a.send('hello', peer.address().port, '127.0.0.1', stage.callback('a', 'sent')))
    await stage.entries('a', 3)
    await stage.entries('peer', 1)
    stage.log('a', a.address())
    stage.attempt('a', 'bind', () => a.bind(0))
  })

  same('keeps the order of what was sent before and after', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const { port } = peer.address()
    const a = stage.open('a')
    a.on('listening', () => stage.learn(a))
    a.bind(0, '127.0.0.1')
    a.send('1, before', port, '127.0.0.1', stage.callback('a', '1'))
    a.send(['2', ', before'], port, '127.0.0.1', stage.callback('a', '2'))
    a.once('listening', () => a.send('4, by the listener', port, '127.0.0.1', stage.callback('a', '4')))
    a.send('3, before', port, '127.0.0.1', stage.callback('a', '3'))
    await stage.entries('peer', 4)
    await stage.entries('a', 4)
  })

  same('a listener that was there first sends first', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const { port } = peer.address()
    const a = stage.open('a')
    a.on('listening', () => stage.learn(a))
    a.once('listening', () => a.send('1, by the listener', port, '127.0.0.1'))
    a.send('2, before', port, '127.0.0.1')
    await stage.entries('peer', 2)
  })
})

describe('send by name', () => {
  same('localhost', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    a.send('hello', peer.address().port, 'localhost', stage.callback('a', 'sent'))
    await stage.entries('peer', 1)
    await stage.entries('a', 1)
  })

  same('a name that does not resolve goes to the callback, else to "error"', async (stage) => {
    const a = stage.watch(await stage.bound('a'))
    a.send('x', 9, NOWHERE, (error) => stage.log('a', 'callback', error))
    await stage.entries('a', 1)
    a.send('x', 9, NOWHERE)
    await stage.entries('a', 2)
  })

  for (const nothing of [null, undefined]) {
    same(`a look-up of the program's own, with ${nothing} for no error`, async (stage) => {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const lookup = (
        name: string,
        _options: unknown,
        callback: (error: unknown, address: string, family: number) => void,
      ) => {
        stage.log('lookup', name)
        setImmediate(callback, nothing, '127.0.0.1', 4)
      }
      const a = stage.open('a', { type: 'udp4', lookup })
      a.bind(0, 'myself')
      await once(a, 'listening')
      stage.learn(a)
      a.send('1', peer.address().port, 'friend', stage.callback('a', 'sent'))
      a.send('2', peer.address().port, stage.callback('a', 'sent'))
      await stage.entries('peer', 2)
      await stage.entries('a', 2)
      a.connect(peer.address().port, 'friend')
      await once(a, 'connect')
      a.send('3', stage.callback('a', 'sent'))
      await stage.entries('peer', 3)
    })
  }
})

describe('send with wrong arguments', () => {
  const cases: Record<string, unknown[]> = {
    'no port': ['x'],
    'a callback for a port': ['x', () => {}],
    'port 0': ['x', 0],
    'port 65536': ['x', 65536, '127.0.0.1'],
    'port −1': ['x', -1, '127.0.0.1'],
    'port 1.5': ['x', 1.5, '127.0.0.1'],
    'port NaN': ['x', Number.NaN],
    'port ""': ['x', ''],
    'port " "': ['x', ' '],
    'port text': ['x', 'abc', '127.0.0.1'],
    'port null': ['x', null],
    'port true': ['x', true, '127.0.0.1'],
    'port {} with address': ['x', 9n, '127.0.0.1'],
    'address number': ['x', 9, 7],
    'address true': ['x', 9, true],
    'message undefined': [undefined, 9],
    'message null': [null, 9],
    'message number': [5, 9],
    'message object': [{}, 9],
    'message ArrayBuffer': [new ArrayBuffer(3), 9],
    'list with a number': [['a', 5], 9],
    'list with null': [[null], 9],
    'offset outside': [Buffer.alloc(3), 4, 1, 9],
    'length outside': [Buffer.alloc(3), 1, 3, 9],
    'offset negative': [Buffer.alloc(3), -1, 1, 9, '127.0.0.1'],
    'list with offset': [['abc'], 0, 1, 9, '127.0.0.1'],
    'number with offset': [5, 0, 1, 9, '127.0.0.1'],
    'slice without port': ['abc', 0, 1],
    'slice with bad port': ['abc', 0, 1, 70_000, '127.0.0.1'],
    'slice with bad address': ['abc', 0, 1, 9, 5],
    'slice, address, no port': ['abc', 0, 1, undefined, '127.0.0.1'],
  }
  for (const [name, args] of Object.entries(cases)) {
    same(name, async (stage) => {
      const a = await stage.bound('a')
      stage.attempt('a', 'send', () => (a.send as (...args: unknown[]) => void)(...args))
      const unbound = stage.open('unbound')
      stage.attempt('unbound', 'send', () => (unbound.send as (...args: unknown[]) => void).apply(unbound, args))
    })
  }
})
