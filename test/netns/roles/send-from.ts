import { PktInfoSocket, type SendOptions, type SocketOptions, SourceNotLocalError } from 'udp-dsr'

/** What became of a datagram: nothing to say, or the error. */
export type Sent = undefined | { code: string; message: string; address?: string }

/** Sends one datagram from a chosen source. */
export async function sendFrom(
  options: SocketOptions,
  to: { address: string; port: number },
  from: NonNullable<SendOptions['from']>,
): Promise<Sent> {
  await using socket = await PktInfoSocket.bind(options)
  const error = await new Promise<Error | null>((resolve) => socket.send('?', to.port, to.address, { from }, resolve))
  if (error === null) return undefined
  const { code = '', message } = error as NodeJS.ErrnoException
  return { code, message, ...(error instanceof SourceNotLocalError && { address: error.address }) }
}
