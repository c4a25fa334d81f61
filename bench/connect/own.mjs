// Connections of which the process itself holds 90 % of the ports, in as large a range as it may have descriptors for.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from '../../dist/ports/index.js'
import { sockets } from './contenders.mjs'

const SHARE = 0.9
/** Descriptors that Node needs for itself. */
const OTHERS = 1000
/** Connections that begin at once. */
const BATCH = 200

/** The range of local ports to use. */
function rangeFor(limit) {
  const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
  return [low, Math.min(high, low + Math.floor((limit - OTHERS) / SHARE) - 1)]
}

/**
 * @param {{ host: string, port: number }} to
 * @returns a function that makes one connection and resolves when it is over
 */
export async function holdOwn(to) {
  // Node raises the soft limit to the hard one as it starts.
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })) || 65536
  const localPortRange = rangeFor(limit)
  const count = Math.floor((localPortRange[1] - localPortRange[0] + 1) * SHARE)
  const held = []
  while (held.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - held.length) }, () => connect({ ...to, localPortRange }))
    await Promise.all(batch.map((socket) => once(socket, 'connect')))
    held.push(...batch)
  }
  process.once('exit', () => {
    for (const socket of held) socket.resetAndDestroy()
  })
  return sockets((destination) => connect({ ...destination, localPortRange }))(to)
}
