import { constants } from 'node:os'
import { sourceNotLocal, systemError } from '../errors.js'
import { thread } from '../internal/thread.js'
import type { SendFailure } from './outbox.js'
import type { PathReader } from './paths.js'

const { EADDRNOTAVAIL, EINVAL, ENETUNREACH } = constants.errno

/** What the kernel says to a source address that it does not own: ENETUNREACH for IPv4, EINVAL for IPv6. */
const SOURCE_REFUSED = new Set([EADDRNOTAVAIL, EINVAL, ENETUNREACH])

/** The typed error for a datagram that was not sent. Reads the region, so it must be called at once. */
export function sendError({ errno, path, size }: SendFailure, paths: PathReader): Error {
  const { address, port } = paths.peer(path)
  const cause = systemError(errno, 'send', port === 0 ? { size } : { address, port, size })
  const source = paths.sourceAddress(path)
  if (source === '' || !SOURCE_REFUSED.has(errno) || isLocal(paths, path)) return cause
  return sourceNotLocal(source, cause)
}

/** Whether a socket could be bound to the source of a path. The name path is overwritten. */
function isLocal(paths: PathReader, path: number): boolean {
  const { addon, region } = thread()
  const { words, name } = region
  words.copyWithin(name + region.peer, path + region.source, path + region.source + 4)
  words[name + region.peerPort] = 0
  words[name + region.peerScope] = words[path + region.outIfindex]!
  const native = new addon.UdpSocket()
  if (native.open(paths.family === 'IPv6' ? 6 : 4) !== 0) return true
  const status = native.bind()
  native.close()
  return status !== -EADDRNOTAVAIL
}
