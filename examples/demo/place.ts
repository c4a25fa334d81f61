import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type CommandOptions, command, type Finished, Namespace } from '../netns/index.js'

/** A host, or a namespace that plays one. */
export interface Host {
  run(name: string, args: readonly string[], options?: CommandOptions): Promise<Finished>
  spawn(name: string, args: readonly string[], options: SpawnOptions): ChildProcess
}

/** Where servers and clients run, and the addresses that lead from these to those. */
export interface Place {
  name: 'loopback' | 'namespaces'
  title: string
  server: Host
  client: Host
  addresses: readonly string[]
  close(): void
}

/** This machine alone. Every address of 127.0.0.0/8 is local, so they make VIPs that need no privilege. */
export function loopback(): Place {
  const host: Host = { run: command, spawn }
  const ipv6 = existsSync('/proc/net/if_inet6') ? ['::1'] : []
  return {
    name: 'loopback',
    title: 'On loopback, where every 127.x.x.x is an address of this machine',
    server: host,
    client: host,
    addresses: [
      '127.0.0.1',
      '127.0.0.2',
      '127.0.0.3',
      '127.0.0.53',
      '127.1.2.3',
      '127.100.0.1',
      '127.255.255.254',
      ...ipv6,
    ],
    close() {},
  }
}

const CLIENT_V4 = '203.0.113.2'
const CLIENT_V6 = '2001:db8:113::2'
const SERVER_V4 = '10.128.0.2'
const SERVER_V6 = '2001:db8:128::2'
const VIPS_V4 = ['198.51.100.2', '198.51.100.3', '198.51.100.4', '192.0.2.53']
const VIPS_V6 = ['2001:db8:51::2', '2001:db8:51::3', '2001:db8:51::4', '2001:db8:53::53']

/**
 * A client and a backend, as behind Google's passthrough load balancer: its guest agent routes the VIPs to the backend
 * as `local … proto 66`, and no interface there owns them.
 * https://cloud.google.com/load-balancing/docs/network/udp-with-network-load-balancing
 *
 * @throws Error when a namespace cannot be made
 */
export async function namespaces(): Promise<Place> {
  const [client, server] = await Promise.all([Namespace.create('client'), Namespace.create('server')])
  await Namespace.cable({ namespace: client, device: 'eth0' }, { namespace: server, device: 'eth0' })
  await client.ip(`
    address add ${CLIENT_V4}/32 dev eth0
    address add ${CLIENT_V6}/128 dev eth0 nodad
    route add ${SERVER_V4} dev eth0
    route add ${SERVER_V6} dev eth0
    ${VIPS_V4.map((vip) => `route add ${vip} via ${SERVER_V4} dev eth0`).join('\n')}
    ${VIPS_V6.map((vip) => `route add ${vip} via ${SERVER_V6} dev eth0`).join('\n')}`)
  await server.ip(`
    address add ${SERVER_V4}/32 dev eth0
    address add ${SERVER_V6}/128 dev eth0 nodad
    route add ${CLIENT_V4} dev eth0
    route add ${CLIENT_V6} dev eth0
    ${[...VIPS_V4, ...VIPS_V6].map((vip) => `route add local ${vip} dev eth0 proto 66`).join('\n')}`)
  return {
    name: 'namespaces',
    title: `In two network namespaces, where the server's VIPs are on no interface (ip route add local VIP dev eth0 proto 66)`,
    server,
    client,
    addresses: [SERVER_V4, ...VIPS_V4, SERVER_V6, ...VIPS_V6],
    close() {
      client.remove()
      server.remove()
    },
  }
}
