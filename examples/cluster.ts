// One port, several processes: each client stays with its worker while others come and go. Kill one and see who moves.
//
//   npx tsx examples/cluster.ts [PORT] [WORKERS]
//
// As root, or with CAP_BPF and CAP_PERFMON.

import cluster from 'node:cluster'
import { capabilities, PktInfoSocket } from 'udp-dsr'

const port = Number(process.argv[2] ?? 60002)
const workers = Number(process.argv[3] ?? 4)
/** How long a worker that ended is missed, in milliseconds. */
const PAUSE = 2000

if (cluster.isPrimary) supervise()
else await serve()

async function serve(): Promise<void> {
  const socket = await PktInfoSocket.bind({ type: 'udp4', port, reusePort: true, pinFlows: true })
  socket.on('message', (msg, rinfo) => socket.reply(`worker ${process.pid}: ${msg}`, rinfo))
  console.log(`Worker ${process.pid} serves port ${port}.`)
  process.once('SIGINT', () => {
    socket.close() // hands its clients over
    cluster.worker?.disconnect()
  })
}

function supervise(): void {
  const { pinFlows } = capabilities().options
  if (!pinFlows.available) {
    console.error(`No cluster here: ${pinFlows.reason}`)
    process.exitCode = 1
    return
  }
  console.log(`Try: socat - UDP:127.0.0.1:${port}   and kill -9 the worker that answers. Ctrl-C ends them all.`)
  let ending = false
  cluster.on('exit', ({ process: { pid } }) => {
    if (ending) return
    console.log(
      `Worker ${pid} is gone: its clients go to the others. Another takes its place, and them, in ${PAUSE} ms.`,
    )
    setTimeout(() => {
      if (!ending) cluster.fork()
    }, PAUSE)
  })
  process.once('SIGINT', () => {
    ending = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGINT')
  })
  for (let i = 0; i < workers; i++) cluster.fork()
}
