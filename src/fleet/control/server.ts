import { once } from 'node:events'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { controlBusy } from '../../errors.js'

/** What an edge can be asked while it runs: by a name, with an object, for an object. */
export type ControlCalls = Readonly<Record<string, (body: never) => unknown>>

const BODY_BYTES = 1 << 20

/** The socket of a running edge: HTTP over a Unix socket, for root alone. */
export class ControlServer implements AsyncDisposable {
  readonly path: string
  readonly #server: Server

  private constructor(path: string, server: Server) {
    this.path = path
    this.#server = server
  }

  /** @throws ControlError ERR_CONTROL_BUSY when a process answers there; Error of the system */
  static async listen(path: string, calls: ControlCalls): Promise<ControlServer> {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 })
    if (await answers(path)) throw controlBusy(path)
    await rm(path, { force: true })
    const server = createServer((request, response) => void answer(calls, request, response))
    server.listen(path)
    await once(server, 'listening')
    await chmod(path, 0o600)
    server.unref()
    return new ControlServer(path, server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await rm(this.path, { force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** A file that nobody listens at is what a process left that was killed. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}

async function answer(calls: ControlCalls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(body ?? {})}\n`)
  }
  try {
    const name = request.url!.slice(1)
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined
    if (call === undefined) return send(404, { message: `There is no ${name}` })
    let text = ''
    for await (const chunk of request) {
      text += chunk
      if (text.length > BODY_BYTES) return send(413, { message: 'That is too much' })
    }
    send(200, await call((text === '' ? {} : JSON.parse(text)) as never))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    send(400, { code, message })
  }
}
