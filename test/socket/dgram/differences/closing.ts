import { once } from 'node:events'
import type { Difference } from './index.js'
import { code, received } from './sending.js'

const METHODS = [
  'setBroadcast',
  'setTTL',
  'setMulticastTTL',
  'setMulticastLoopback',
  'getRecvBufferSize',
  'setSendBufferSize',
  'connect',
]

export const closing: Difference[] = [
  {
    title: 'close lets datagrams leave that were sent before',
    why: 'dgram looks addresses up before it sends: what was sent in the tick of close is lost, and its callback with it.',
    async scenario(stage) {
      const peer = stage.watch(await stage.peer('peer'), 'message')
      const a = await stage.bound('a')
      a.send('last words', peer.address().port, '127.0.0.1', (error) => stage.log('a', 'sent', code(error)))
      a.close(() => stage.log('a', 'closed'))
      await stage.entries('a', 1)
      await stage.settle()
    },
    dgram: { a: [['closed']] },
    ours: { a: [['sent', null], ['closed']], peer: [received('last words', 'a')] },
  },
  {
    title: 'close behind a send happens even if bind fails',
    why: 'dgram lets close wait for the bind that a send began, and forgets it when the bind fails.',
    async scenario(stage) {
      const taken = await stage.peer('taken')
      const a = stage.open('a')
      a.on('error', (error) => stage.log('a', 'error', code(error)))
      a.on('close', () => stage.log('a', 'closed'))
      a.bind(taken.address().port, '127.0.0.1')
      a.send('x', 9, '127.0.0.1')
      a.close()
      await stage.settle()
    },
    dgram: { a: [['error', 'EADDRINUSE']] },
    ours: { a: [['error', 'EADDRINUSE'], ['closed']] },
  },
  {
    title: 'Every method of a closed socket says that it is closed',
    why: 'dgram stumbles over its missing handle: TypeError: Cannot read properties of null.',
    async scenario(stage) {
      const a = await stage.bound('a')
      a.close()
      await once(a, 'close')
      const calls = {
        setBroadcast: () => a.setBroadcast(true),
        setTTL: () => a.setTTL(1),
        setMulticastTTL: () => a.setMulticastTTL(1),
        setMulticastLoopback: () => a.setMulticastLoopback(true),
        getRecvBufferSize: () => a.getRecvBufferSize(),
        setSendBufferSize: () => a.setSendBufferSize(1000),
        connect: () => a.connect(9, '127.0.0.1'),
      }
      for (const [name, call] of Object.entries(calls)) {
        try {
          call()
        } catch (error) {
          stage.log('a', name, error instanceof TypeError, (error as NodeJS.ErrnoException).code)
        }
      }
    },
    dgram: { a: METHODS.map((name) => [name, true, 'undefined']) },
    ours: { a: METHODS.map((name) => [name, false, 'ERR_SOCKET_DGRAM_NOT_RUNNING']) },
  },
]
