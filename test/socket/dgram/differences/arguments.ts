import { once } from 'node:events'
import { openSync } from 'node:fs'
import type { Difference } from './index.js'
import { code } from './sending.js'

export const arguments_: Difference[] = [
  {
    title: 'Ports are checked everywhere',
    why: 'dgram binds port 65537 as port 1 and any text as port 0.',
    async scenario(stage) {
      for (const port of [65_536 + 40_000, -1, 'http', 1.5]) {
        const a = stage.open(`${port}`)
        try {
          a.bind(port as number, '127.0.0.1')
          await once(a, 'listening')
          stage.log('bind', 'bound')
        } catch (error) {
          stage.log('bind', code(error))
        }
      }
    },
    dgram: { bind: [['bound'], ['bound'], ['bound'], ['bound']] },
    ours: {
      bind: [['ERR_SOCKET_BAD_PORT'], ['ERR_SOCKET_BAD_PORT'], ['ERR_SOCKET_BAD_PORT'], ['ERR_SOCKET_BAD_PORT']],
    },
  },
  {
    title: 'A descriptor that cannot be adopted is an error',
    why: 'dgram ignores an fd that is no positive integer, and binds elsewhere. Descriptor 0 is a socket under inetd.',
    scenario(stage) {
      const file = openSync('/dev/null', 'r')
      for (const fd of [-1, 1.5, '7', file]) {
        const a = stage.open(`${fd}`)
        try {
          a.bind({ fd: fd as number, port: 0, address: '127.0.0.1' })
          stage.log('a', 'bound')
        } catch (error) {
          stage.log('a', code(error))
        }
      }
    },
    dgram: { a: [['bound'], ['bound'], ['bound'], ['ERR_INVALID_FD_TYPE']] },
    ours: {
      a: [['ERR_OUT_OF_RANGE'], ['ERR_OUT_OF_RANGE'], ['ERR_INVALID_ARG_TYPE'], ['ERR_INVALID_FD_TYPE']],
    },
  },
  {
    title: 'Errors say what helps',
    why: 'Codes, fields and the beginning of the text are Node’s; the text goes on with the value, the cause and the remedy.',
    async scenario(stage) {
      const taken = await stage.peer('taken')
      const a = stage.open('a')
      const failed = once(a, 'error')
      a.bind(taken.address().port, '127.0.0.1')
      const [error] = await failed
      stage.log('a', error.message.replace(/\b\d{4,5}\b/g, 'PORT'))
    },
    dgram: { a: [['bind EADDRINUSE 127.0.0.1:PORT']] },
    ours: {
      a: [
        [
          "bind EADDRINUSE 127.0.0.1:PORT: another socket has port PORT; `ss -ulpn 'sport = :PORT'` shows whose it is. " +
            'Stop it, take another port, or open all of them with reusePort: true to share the port',
        ],
      ],
    },
  },
]
