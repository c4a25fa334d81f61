// Bun's fastest form: collect the replies of a turn and send them with one sendMany.
// Declared here is only what is used, so that the project needs no Bun types.

type Packets = (Uint8Array | number | string)[]

interface BunSocket {
  readonly port: number
  readonly fd: number
  sendMany(packets: Packets): number
}

declare const Bun: {
  udpSocket(options: {
    hostname: string
    port: number
    socket: {
      data(socket: BunSocket, msg: Uint8Array, port: number, address: string): void
      error(): void
    }
  }): Promise<BunSocket>
}

interface BunFfi {
  dlopen(
    library: string,
    symbols: Record<string, { args: string[]; returns: string }>,
  ): { symbols: { setsockopt(fd: number, level: number, name: number, value: Int32Array, length: number): number } }
}

const BUFFER_BYTES = 4 << 20
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_RCVBUF = 8

let replies: Packets = []

const socket = await Bun.udpSocket({
  hostname: '0.0.0.0',
  port: 0,
  socket: {
    data(_, msg, port, address) {
      if (replies.length === 0) setImmediate(flush)
      msg[0] = (msg[0] as number) + 1
      replies.push(msg, port, address)
    },
    // Without this, the first client that goes away before its answer comes ends the server (ECONNREFUSED).
    error() {},
  },
})

function flush(): void {
  const packets = replies
  replies = []
  socket.sendMany(packets)
}

/** Bun has no option for the buffers; without this the benchmark's 256 outstanding datagrams overrun them. */
async function growBuffers(): Promise<void> {
  const ffi: string = 'bun:ffi'
  const { dlopen } = (await import(ffi)) as BunFfi
  const { symbols } = dlopen('libc.so.6', {
    setsockopt: { args: ['int', 'int', 'int', 'ptr', 'u32'], returns: 'int' },
  })
  for (const option of [SO_RCVBUF, SO_SNDBUF]) {
    symbols.setsockopt(socket.fd, SOL_SOCKET, option, new Int32Array([BUFFER_BYTES]), 4)
  }
}

await growBuffers()
console.log(`ready ${socket.port}`)
process.on('SIGTERM', () => process.exit(0))
