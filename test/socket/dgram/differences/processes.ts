import { runChild } from '../child.js'
import type { Difference } from './index.js'

export const processes: Difference[] = [
  {
    title: 'process.exit() in the tick of a send does not lose it',
    why: 'dgram looks the address up first; the process is gone before the datagram is.',
    async scenario(stage) {
      const peer = await stage.peer('peer')
      peer.on('message', (msg) => stage.log('peer', msg))
      await runChild(stage.side, 'sendAndExit', peer.address().port)
      await stage.settle()
      stage.log('peer', 'waited')
    },
    dgram: { peer: [['waited']] },
    ours: { peer: [['last words'], ['waited']] },
  },
  {
    title: 'Workers of a cluster do not share a socket',
    why: 'The primary of a cluster hands out handles of libuv. With reusePort each worker has a socket of its own, and the kernel spreads flows over them.',
    async scenario(stage) {
      for (const line of await runChild(stage.side, 'cluster', await stage.freePort())) stage.log('workers', line)
    },
    dgram: { workers: [['bound'], ['bound']] },
    ours: { workers: [['bound'], ['EADDRINUSE']] },
  },
]
