import { once } from 'node:events'
import { connect } from 'node:net'
import { type Asked, bad, GOOD, type Outcome } from '../check.js'

/** Connects, and hangs up. */
export async function checkTcp({ address, signal }: Asked, port: number): Promise<Outcome> {
  const socket = connect({ host: address, port })
  try {
    await once(socket, 'connect', { signal })
    return GOOD
  } catch (error) {
    return bad(signal.aborted ? 'no connection' : ((error as NodeJS.ErrnoException).code ?? String(error)))
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}
