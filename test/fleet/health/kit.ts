import dgram from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { CheckOutcome } from 'udp-dsr/fleet'
import { onTestFinished } from 'vitest'
import type { CheckMeans } from '../../../src/fleet/health/checks/means.js'
import { ProbeSockets } from '../../../src/fleet/health/checks/probe-sockets.js'
import { readCheck } from '../../../src/fleet/health/checks/read.js'
import { Turnstile } from '../../../src/fleet/health/checks/turnstile.js'
import type { PoolHealthOptions } from '../../../src/fleet/health/options.js'

/** Longer than any answer on a busy machine takes. */
export const PATIENT = 5000
/** For checks that are to get no answer. */
export const IMPATIENT = 150

/** What checks share, closed with the test. */
export function useMeans(connections = 8): CheckMeans {
  const probes = new ProbeSockets()
  onTestFinished(() => probes[Symbol.asyncDispose]())
  return { probes, turnstile: new Turnstile(connections) }
}

/** Makes a check as a pool's options say, and runs it once. */
export function checkOnce(
  options: PoolHealthOptions,
  { address = '127.0.0.1', timeout = PATIENT, signal = new AbortController().signal, means = useMeans() } = {},
): Promise<CheckOutcome> {
  return readCheck('pools.test', options, [], means)!.run({ address, timeout, signal })
}

/** A UDP server that calls for each datagram; closed with the test. */
export async function udpServer(
  onMessage: (msg: Buffer, answer: (bytes: string | Uint8Array) => void, from: dgram.RemoteInfo) => void,
  address = '127.0.0.1',
  port = 0,
): Promise<dgram.Socket & { port: number }> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4')
  onTestFinished(() => {
    try {
      socket.close()
    } catch {
      // The test closed it.
    }
  })
  socket.on('message', (msg, from) => onMessage(msg, (bytes) => socket.send(bytes, from.port, from.address), from))
  socket.bind(port, address)
  await once(socket, 'listening')
  return Object.assign(socket, { port: socket.address().port })
}

/** A UDP port of loopback that nobody listens on. */
export async function closedUdpPort(address = '127.0.0.1'): Promise<number> {
  const socket = await udpServer(() => {}, address)
  const { port } = socket
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** Lets a stream server listen on loopback, and closes it with its connections when the test is over. */
export async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  onTestFinished(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  server.listen(0, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Waits until something is so. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENT
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENT} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
