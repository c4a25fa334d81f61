import { createServer, type Server, type Socket } from 'node:net'

/** States of a test, one octet on the control connection (iperf_api.h of iperf 3). */
const State = {
  testStart: 1,
  testRunning: 2,
  testEnd: 4,
  paramExchange: 9,
  createStreams: 10,
  exchangeResults: 13,
  displayResults: 14,
} as const

const COOKIE_BYTES = 37
/** First datagram of a stream, and the answer to it, in the client's byte order (iperf.h). */
export const UDP_CONNECT_MESSAGE = Buffer.from('39383736', 'hex')
export const UDP_CONNECT_REPLY = Buffer.from('36373839', 'hex')

/** What the client wants. */
export interface Parameters {
  /** It receives (`-R`). */
  reverse?: boolean
  /** Bytes of payload. */
  len: number
}

/** What a test needs of the control half. */
export interface Iperf3Server {
  /** The control connection, on the same port as UDP. */
  control: Server
  /** Datagrams that the client is told have arrived. */
  received: { packets: number; bytes: number }
  /** Called when the stream may begin. The signal is aborted when it has ended. */
  onRunning: (parameters: Parameters, ended: AbortSignal) => void
  /** To be called when UDP_CONNECT_MESSAGE was answered. */
  connected(): void
}

/** The control half of an iperf3 server for one UDP stream; the datagrams are the caller's. */
export function iperf3Server(): Iperf3Server {
  let connected = () => {}
  const server: Iperf3Server = {
    control: createServer((socket) => {
      const isConnected = new Promise<void>((resolve) => {
        connected = resolve
      })
      control(socket, server, isConnected).catch(() => socket.destroy())
    }),
    received: { packets: 0, bytes: 0 },
    onRunning: () => {},
    connected: () => connected(),
  }
  return server
}

async function control(socket: Socket, server: Iperf3Server, connected: Promise<void>): Promise<void> {
  const ended = new AbortController()
  socket.once('close', () => ended.abort())
  const state = (value: number) => socket.write(Buffer.of(value))
  await read(socket, COOKIE_BYTES)
  state(State.paramExchange)
  const parameters = (await readJson(socket)) as Parameters
  state(State.createStreams)
  await connected
  state(State.testStart)
  state(State.testRunning)
  server.onRunning(parameters, ended.signal)
  const [now] = await read(socket, 1)
  ended.abort()
  if (now !== State.testEnd) throw new Error(`unexpected state ${now}`)
  state(State.exchangeResults)
  await readJson(socket)
  writeJson(socket, {
    cpu_util_total: 0,
    cpu_util_user: 0,
    cpu_util_system: 0,
    sender_has_retransmits: 0,
    streams: [{ id: 1, ...server.received, retransmits: -1, jitter: 0, errors: 0, start_time: 0, end_time: 1 }],
  })
  state(State.displayResults)
}

/** Waits for exactly `length` bytes. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length)
    if (bytes !== null) return bytes
    await new Promise<void>((resolve, reject) => {
      socket.once('readable', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the client hung up')))
    })
  }
}

async function readJson(socket: Socket): Promise<unknown> {
  const length = (await read(socket, 4)).readUInt32BE(0)
  return JSON.parse((await read(socket, length)).toString())
}

function writeJson(socket: Socket, value: unknown): void {
  const text = Buffer.from(JSON.stringify(value))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  socket.write(Buffer.concat([length, text]))
}
