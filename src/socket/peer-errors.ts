import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { NativeSocket } from '../internal/addon.js'
import { thread } from '../internal/thread.js'
import type { PathReader } from './paths.js'
import type { PeerError } from './types.js'

/** `SO_EE_ORIGIN_*`, linux/errqueue.h. */
const ORIGINS: readonly (PeerError['origin'] | undefined)[] = [undefined, 'local', 'icmp', 'icmp6']

/** Empties the error queue of a socket with `receiveErrors`. */
export function takePeerErrors(native: NativeSocket, paths: PathReader): PeerError[] {
  const { region, ipv4, ipv6 } = thread()
  const errors: PeerError[] = []
  for (let entry = native.takeError(); entry !== undefined; entry = native.takeError()) {
    const codec = entry.offenderFamily === 6 ? ipv6 : ipv4
    errors.push({
      code: getSystemErrorName(-entry.errno),
      errno: -entry.errno,
      ...addressAndPort(paths, region.name),
      origin: ORIGINS[entry.origin] ?? 'other',
      type: entry.type,
      icmpCode: entry.code,
      mtu: entry.errno === constants.errno.EMSGSIZE ? entry.info : 0,
      offender: entry.offenderFamily === 0 ? undefined : codec.text.text(region.words, region.name + region.local),
    })
  }
  return errors
}

function addressAndPort(paths: PathReader, at: number): { address: string; port: number } {
  const { address, port } = paths.peer(at)
  return { address, port }
}
