import { PktInfoSocket } from '../../socket/index.js'
import { parseAddress, sameAddress } from '../address.js'
import type { Questions } from './options.js'

/** What became of one datagram. */
export type Attempt = { /** Bytes of payload that were sent. */ size: number } & (
  | { outcome: 'answered' /** Milliseconds. */; roundTrip: number /** Bytes of the answer. */; answer: number }
  /** An answer came, but from another address or port than was asked; a client's kernel or NAT drops that. */
  | { outcome: 'wrong-source'; address: string; port: number }
  /** An answer came from there, and `expect` did not take it. */
  | { outcome: 'unexpected'; answer: number }
  /** An ICMP error, or the own kernel refused: code as `ECONNREFUSED`. `by` is who sent it, when known; `mtu` that of an `EMSGSIZE`, else 0. */
  | { outcome: 'refused'; code: string; by: string | undefined; mtu: number }
  | { outcome: 'silent' }
)

/**
 * Sends one datagram from a socket of its own that is not connected, so that answers from anywhere reach it.
 *
 * @throws SystemError when the socket cannot be opened; the signal's reason
 */
export async function attempt(asked: Questions, question: Buffer): Promise<Attempt> {
  const { vip, port, timeout, from, signal } = asked
  signal?.throwIfAborted()
  const socket = await PktInfoSocket.bind({
    type: vip.version === 4 ? 'udp4' : 'udp6',
    receiveErrors: true,
    ...(from && { address: from.text }),
  })
  const size = question.length
  const begun = performance.now()
  let timer: NodeJS.Timeout | undefined
  let abort: (() => void) | undefined
  try {
    signal?.throwIfAborted() // while it was bound
    return await new Promise<Attempt>((resolve, reject) => {
      timer = setTimeout(() => resolve({ size, outcome: 'silent' }), timeout)
      abort = () => reject(signal!.reason)
      signal?.addEventListener('abort', abort)
      socket.on('message', (msg, rinfo) => {
        const source = parseAddress(rinfo.address)
        if (source === undefined || !sameAddress(source, vip) || rinfo.port !== port) {
          resolve({ size, outcome: 'wrong-source', address: rinfo.address, port: rinfo.port })
        } else if (asked.expect(msg, question)) {
          resolve({ size, outcome: 'answered', roundTrip: performance.now() - begun, answer: msg.length })
        } else resolve({ size, outcome: 'unexpected', answer: msg.length })
      })
      socket.on('peerError', ({ code, offender, mtu }) =>
        resolve({ size, outcome: 'refused', code, by: offender, mtu }),
      )
      socket.on('error', reject)
      socket.send(question, port, vip.text, (failure) => {
        if (failure === null || failure === undefined) return
        const { code = 'UNKNOWN' } = failure as NodeJS.ErrnoException
        resolve({ size, outcome: 'refused', code, by: undefined, mtu: 0 })
      })
    })
  } finally {
    clearTimeout(timer)
    if (abort !== undefined) signal?.removeEventListener('abort', abort)
    socket.close()
  }
}
