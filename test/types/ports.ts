// What TypeScript makes of port plans, windows and connections; compiled by types.test.ts and never run.
import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import type tls from 'node:tls'
import type { PktInfoSocket, RemoteInfo } from 'udp-dsr'
import {
  type ConnectOptions,
  type Connector,
  type ConnectUdpOptions,
  connect,
  connectUdp,
  createAgent,
  createConnector,
  type HttpAgentOptions,
  type HttpsAgentOptions,
  type Lease,
  type PairLease,
  type PortCounts,
  PortPlan,
  type PortRange,
  type PortStrategy,
  PortsExhaustedError,
  PortWindow,
  TupleError,
} from 'udp-dsr/ports'
import { Agent, type buildConnector, fetch } from 'undici'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function is<A, B>(equal: Equal<A, B>): void

// ---- connect

const socket = connect({ host: 'example.com', port: 443, localAddress: '192.0.2.7' }, () => {})
is<typeof socket, net.Socket>(true)
declare const perhaps: string | undefined
declare const signal: AbortSignal | undefined
// What may be undefined may be passed on, also under exactOptionalPropertyTypes.
export const options: ConnectOptions = {
  host: perhaps,
  port: 80,
  localAddress: perhaps,
  localPort: undefined,
  localPortRange: undefined,
  strategy: undefined,
  windowSize: undefined,
  attempts: undefined,
  signal,
  timeout: undefined,
  connectTimeout: undefined,
  lookup: undefined,
  onread: undefined,
}
// @ts-expect-error a connection needs a port
connect({ host: 'example.com' })
// @ts-expect-error misspelt
connect({ port: 80, localAdress: '192.0.2.7' })
// @ts-expect-error there is no such strategy
connect({ port: 80, strategy: 'best' })
// @ts-expect-error a range has two ends
connect({ port: 80, localPortRange: [40_000] })
// @ts-expect-error Unix sockets have no ports
connect({ path: '/run/socket' })

// ---- connectUdp

const udp = connectUdp({ address: '192.0.2.1', port: 53, gro: true }, (msg, rinfo) => {
  is<typeof msg, Buffer>(true)
  is<typeof rinfo, RemoteInfo>(true)
})
export const asSocket: PktInfoSocket = udp
export const udpOptions: ConnectUdpOptions = { address: '::1', port: 53, localPort: undefined, localAddress: perhaps }
// @ts-expect-error its sockets share no ports
connectUdp({ address: '192.0.2.1', port: 53, reusePort: true })
// @ts-expect-error the address is missing
connectUdp({ port: 53 })

// ---- Agents

const agent = createAgent()
is<typeof agent, http.Agent>(true)
is<ReturnType<typeof fromOptions>, http.Agent>(true)
function fromOptions(given: HttpAgentOptions) {
  return createAgent(given)
}
const secure = createAgent({ protocol: 'https:', ca: 'PEM', maxSockets: 5, localPortRange: [40_000, 40_999] })
is<typeof secure, https.Agent>(true)
is<ReturnType<typeof fromSecureOptions>, https.Agent>(true)
function fromSecureOptions(given: HttpsAgentOptions) {
  return createAgent(given)
}
createAgent({ protocol: 'http:', keepAlive: true, connectTimeout: 1000, localAddress: perhaps })
http.get('http://example.com/', { agent })
https.get('https://example.com/', { agent: secure })
// @ts-expect-error there is no such protocol
createAgent({ protocol: 'ftp:' })
// @ts-expect-error certificates are for https
createAgent({ ca: 'PEM' })
// @ts-expect-error misspelt
createAgent({ maxSocket: 5 })

// ---- undici

const connector = createConnector({ localAddress: '192.0.2.7', ca: 'PEM', timeout: 0, strategy: 'exact' })
is<typeof connector, Connector>(true)
export const asUndicis: buildConnector.connector = connector
const dispatcher = new Agent({ connect: connector })
await fetch('https://example.com/', { dispatcher })
connector({ hostname: 'example.com', protocol: 'https:', port: '443' }, (...[error, made]) => {
  if (error === null) is<typeof made, net.Socket | tls.TLSSocket>(true)
  else is<typeof made, null>(true)
})
// @ts-expect-error its connections are TCP
createConnector({ path: '/run/socket' })

// ---- Plans

const plan = PortPlan.parse('')
is<typeof plan, PortPlan>(true)
const owner = plan.owner(50_000)
if (owner !== undefined) is<typeof owner.regions, readonly string[]>(true)
// @ts-expect-error a port may have no owner
owner.regions
// @ts-expect-error there is no such program
plan.render('livekitt', 'fra')

// ---- Windows

const range: PortRange = [50_000, 50_999]
is<PortRange, readonly [number, number]>(true)
// @ts-expect-error a range does not change
range[0] = 1
const window = new PortWindow({ range })
export const disposable: Disposable[] = [window, window.acquire(), window.acquirePair()]
{
  using lease = window.acquire({ owner: 'call 7' })
  is<typeof lease, Lease>(true)
  is<typeof lease.state, 'leased' | 'draining' | 'released'>(true)
  // @ts-expect-error a lease is for one port
  lease.port = 1
}
const { rtp, rtcp, lease } = window.bindSocketPair({ type: 'udp4' })
is<typeof rtp, PktInfoSocket>(true)
is<typeof rtcp, PktInfoSocket>(true)
is<typeof lease, PairLease>(true)
is<Awaited<ReturnType<typeof window.waitForPort>>, Lease>(true)
window.on('low', (counts) => is<typeof counts, PortCounts>(true))
// @ts-expect-error there is no such event
window.on('lower', () => {})
// @ts-expect-error the window chooses the port
window.bindSocket({ type: 'udp4', port: 50_000 })
// @ts-expect-error its sockets share no ports
window.bindSocket({ type: 'udp4', reusePort: true })

// ---- Errors

export const strategies: PortStrategy[] = ['auto', 'exact', 'kernel', 'shifting-window', 'select-test-repeat']
socket.on('error', (error) => {
  if (error instanceof PortsExhaustedError) is<typeof error.counts, Readonly<PortCounts>>(true)
  if (error instanceof TupleError && error.code === 'ERR_TUPLE_IN_USE') is<typeof error.tuple.localPort, number>(true)
  // @ts-expect-error there is no such code
  if (error instanceof TupleError && error.code === 'ERR_TUPLE_USED') throw error
})
