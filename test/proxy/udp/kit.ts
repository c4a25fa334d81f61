import dgram from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import dns from 'dns-packet'
import { type BindOptions, PktInfoSocket, type ProxyProtocolOptions, type RemoteInfo, type SocketStats } from 'udp-dsr'
import { onTestFinished, type TestContext } from 'vitest'
import { answerQuery } from '../../../examples/demo/dns.js'
import { type Program, run, whyMissing } from '../../clients/programs.js'
import { startProxy, whyNoProxy } from '../programs/kit.js'

/** How long to wait for what other programs do, in milliseconds. */
const PATIENCE_MS = 8000

/** Where a proxy that tests start sends from, unless it is told another address. */
export const PROXY = '127.0.0.1'

export const hasIPv6 = existsSync('/proc/net/if_inet6')

/** A question or another datagram as the server saw it. */
export interface Seen {
  msg: Buffer
  rinfo: RemoteInfo
}

export interface Server {
  socket: PktInfoSocket
  port: number
  /** Datagrams delivered so far. */
  seen: Seen[]
  proxyStats(): NonNullable<SocketStats['proxy']>
}

/** Opens a server that answers each datagram with what `respond` makes of it; closed with the test. */
async function serve(
  proxyProtocol: ProxyProtocolOptions,
  respond: (seen: Seen) => Uint8Array | undefined,
  at: BindOptions = {},
): Promise<Server> {
  const socket = await PktInfoSocket.bind({ ...at, type: 'udp4', proxyProtocol })
  onTestFinished(() => void socket.close())
  const seen: Seen[] = []
  socket.on('message', (msg, rinfo) => {
    seen.push({ msg, rinfo })
    const answer = respond({ msg, rinfo })
    if (answer !== undefined) socket.reply(answer, rinfo)
  })
  return { socket, port: socket.address().port, seen, proxyStats: () => socket.stats().proxy! }
}

/** A DNS server that answers every name with the client's address, as A and as the TXT of `clientIs`. */
export function serveDns(proxyProtocol: ProxyProtocolOptions, at?: BindOptions): Promise<Server> {
  const respond = ({ msg, rinfo: { address, port } }: Seen) => answerQuery(msg, clientIs(address, port), address)
  return serve(proxyProtocol, respond, at)
}

/** A server that sends back each datagram behind the client's address and port. */
export function serveEcho(proxyProtocol: ProxyProtocolOptions): Promise<Server> {
  return serve(proxyProtocol, ({ msg, rinfo }) => Buffer.from(`${clientIs(rinfo.address, rinfo.port)}: ${msg}`))
}

export const clientIs = (address: string, port: number) => `client ${address} port ${port}`

/** What of dnsdist's configuration differs between tests. */
export interface DnsdistOptions {
  /** Where clients ask it. */
  addresses?: readonly string[]
  /** Port of the server on 127.0.0.1; or its address, when its port is dnsdist's own. */
  server: number | string
  /** Address that it sends from. */
  source?: string
  /** More of dnsdist.conf. */
  more?: readonly string[]
}

/** A dnsdist in front of a server on 127.0.0.1; its health check runs once a second. */
export function startDnsdist({ addresses = ['127.0.0.1'], server, source, more = [] }: DnsdistOptions) {
  const from = source === undefined ? '' : `, source="${source}"`
  const config = (_folder: string, [port]: readonly [number, ...number[]]) => {
    const backend = typeof server === 'number' ? `127.0.0.1:${server}` : `${server}:${port}`
    return [
      ...addresses.map((address) => `addLocal("${isIPv6(address) ? `[${address}]` : address}:${port}")`),
      'setACL({"127.0.0.0/8", "::1/128"})',
      'setSecurityPollSuffix("")', // ask nobody whether this version is safe
      `newServer({address="${backend}", useProxyProtocol=true, checkInterval=1${from}})`,
      ...more,
    ].join('\n')
  }
  return startProxy('dnsdist', { config, transport: 'udp' })
}

/** Skips a test where a program that it runs is missing. */
export function need(context: TestContext, proxy: 'dnsdist' | 'nginx' | undefined, ...clients: Program[]): void {
  const reasons = [proxy && whyNoProxy(proxy), ...clients.map(whyMissing)]
  const missing = reasons.find((reason) => reason !== undefined)
  if (missing !== undefined) context.skip(missing)
}

/** Waits for what other programs are about to do. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited for ${what} for ${PATIENCE_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Health checks that dnsdist has sent. */
export const healthChecks = ({ seen }: Server) => seen.filter(({ rinfo }) => rinfo.proxy?.command === 'LOCAL').length

/** Asks with kdig once, and returns all that it prints. */
export async function kdig(address: string, port: number, ...more: string[]): Promise<string> {
  const args = [`@${address}`, '-p', `${port}`, '+timeout=2', '+retry=0', ...more]
  const { stdout, stderr } = await run('kdig', args)
  return stdout + stderr
}

/** Asks with dig once, and returns the records alone. */
export async function dig(address: string, port: number, ...more: string[]): Promise<string> {
  return (await run('dig', [`@${address}`, '-p', `${port}`, '+timeout=2', '+tries=1', '+short', ...more])).stdout
}

/** A client whose answers are kept; closed with the test. */
export class Client {
  readonly #socket: dgram.Socket
  readonly #answers: { msg: Buffer; from: dgram.RemoteInfo }[] = []

  private constructor(socket: dgram.Socket) {
    this.#socket = socket
    socket.on('message', (msg, from) => this.#answers.push({ msg, from }))
  }

  static async at(address: string): Promise<Client> {
    const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    onTestFinished(() => void socket.close())
    socket.bind(0, address)
    await once(socket, 'listening')
    return new Client(socket)
  }

  get address(): string {
    return this.#socket.address().address
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** This client as a server tells it. */
  get name(): string {
    return clientIs(this.address, this.port)
  }

  send(msg: string | Uint8Array, port: number, address: string): void {
    this.#socket.send(msg, port, address)
  }

  /** The answers so far, as text, as soon as there are `count`. */
  async texts(count: number): Promise<string[]> {
    await this.#expect(count)
    return this.#answers.map(({ msg }) => msg.toString())
  }

  /** The same of DNS: by the number in its header, who sent each answer, and the text in it. */
  async dnsAnswers(count: number): Promise<Record<number, { from: string; text: string }>> {
    await this.#expect(count)
    const answers = this.#answers.map(({ msg, from }) => {
      const { id = 0, answers: [record] = [] } = dns.decode(msg)
      return [id, { from: `${from.address}:${from.port}`, text: record?.type === 'TXT' ? `${record.data}` : '' }]
    })
    return Object.fromEntries(answers)
  }

  #expect(count: number): Promise<void> {
    return until(() => this.#answers.length >= count, `${count} answers to ${this.name}`)
  }
}

/** A question for a TXT record. */
export function question(id: number, name = 'whoami.example'): Buffer {
  return dns.encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [{ type: 'TXT', name }] })
}
