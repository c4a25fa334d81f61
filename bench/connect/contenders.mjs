// What opens the connections, in Node: each a function that makes one connection and resolves when it is over.
import http from 'node:http'
import net from 'node:net'
import { Agent, request } from 'undici'
import { connect, createAgent, createConnector } from '../../dist/ports/index.js'

/**
 * A bare connection, reset as soon as it stands, so that it leaves no TIME_WAIT.
 *
 * @param {(to: { host: string, port: number }) => net.Socket} open
 */
export const sockets = (open) => (to, inFlight) => () =>
  new Promise((resolve, reject) => {
    const socket = open(to, inFlight)
    socket.once('connect', () => socket.resetAndDestroy())
    socket.once('error', reject)
    socket.once('close', resolve)
  })

/** A request on a connection of its own: the server closes it first, and has the TIME_WAIT. */
const requests = (makeAgent) => (to, inFlight) => {
  const agent = makeAgent({ keepAlive: false, maxSockets: inFlight })
  return () =>
    new Promise((resolve, reject) => {
      const outgoing = http.get({ ...to, agent }, (response) => response.resume().once('end', resolve))
      outgoing.once('error', reject)
    })
}

const dispatches = (connector) => (to, inFlight) => {
  const connection = connector()
  const dispatcher = new Agent({ connections: inFlight, pipelining: 1, ...(connection && { connect: connection }) })
  const url = `http://${to.host}:${to.port}/`
  return async () => {
    const { body } = await request(url, { dispatcher, reset: true })
    await body.text()
  }
}

const localAddress = '127.0.0.1'

/** @type {Record<string, (to: { host: string, port: number }, inFlight: number) => () => Promise<void>>} */
export const contenders = {
  'net.connect': sockets((to) => net.connect(to)),
  'net.connect-local': sockets((to) => net.connect({ ...to, localAddress })),
  connect: sockets((to) => connect(to)),
  'connect-local': sockets((to) => connect({ ...to, localAddress })),
  http: requests((options) => new http.Agent(options)),
  'http-ours': requests((options) => createAgent({ ...options, localAddress })),
  undici: dispatches(() => undefined),
  'undici-ours': dispatches(() => createConnector({ localAddress })),
}
