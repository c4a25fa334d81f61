// Deno has one form: receive, then send. Its sockets' buffers cannot be enlarged, so it may lose datagrams.
// Declared here is only what is used, so that the project needs no Deno types.

interface DenoAddress {
  hostname: string
  port: number
}

declare const Deno: {
  listenDatagram(options: { transport: 'udp'; hostname: string; port: number }): AsyncIterable<
    [Uint8Array, DenoAddress]
  > & {
    readonly addr: DenoAddress
    send(bytes: Uint8Array, to: DenoAddress): Promise<number>
  }
  addSignalListener(signal: 'SIGTERM', listener: () => void): void
  exit(code: number): never
}

const socket = Deno.listenDatagram({ transport: 'udp', hostname: '0.0.0.0', port: 0 })
Deno.addSignalListener('SIGTERM', () => Deno.exit(0))
console.log(`ready ${socket.addr.port}`)

for await (const [msg, peer] of socket) {
  msg[0] = (msg[0] as number) + 1
  await socket.send(msg, peer)
}
