import dgram from 'node:dgram'
import { once } from 'node:events'

/** How long an answer may take, and how often it is asked for. */
const PATIENCE_MS = 500
const ATTEMPTS = 10

/** A client with an address and port of its own that asks who serves it. */
export class Client {
  readonly #socket: dgram.Socket
  readonly #port: number
  readonly #server: string

  private constructor(socket: dgram.Socket, server: string, port: number) {
    this.#socket = socket
    this.#server = server
    this.#port = port
  }

  /** @param address that it asks from; IPv6 when the server's is */
  static async open(server: string, port: number, address: string): Promise<Client> {
    const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4')
    socket.bind(0, address)
    await once(socket, 'listening')
    return new Client(socket, server, port)
  }

  /** What the server answers. Asks again when the question or the answer was lost. */
  async ask(): Promise<string> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = once(this.#socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
      this.#socket.send('who', this.#port, this.#server)
      try {
        return String((await answer)[0])
      } catch (error) {
        if ((error as Error).name !== 'AbortError') throw error
      }
    }
    throw new Error(`no answer from ${this.#server}:${this.#port}`)
  }

  close(): void {
    this.#socket.close()
  }
}

/** Clients that ask one server, from addresses that take turns. */
export function openClients(
  count: number,
  port: number,
  { server = '127.0.0.1', addresses = ['127.0.0.1'] }: { server?: string; addresses?: readonly string[] } = {},
): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => Client.open(server, port, addresses[i % addresses.length]!)),
  )
}

/** Whom each client is served by. */
export const askAll = (clients: readonly Client[]): Promise<string[]> =>
  Promise.all(clients.map((client) => client.ask()))

/** A UDP port that is free now. */
export async function freePort(): Promise<number> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}
