import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { findCommand } from '../netns/index.js'
import type { Target } from './ask.js'
import { dig, kdig, type Outcome, ownClient, script } from './clients.js'
import type { Host, Place } from './place.js'
import type { ServerPorts } from './servers.js'

export type ServerName = keyof ServerPorts
export type ClientName = 'kdig' | 'dig' | 'own client'

/** What a client saw that asked a server at one of its addresses. */
export interface Result extends Outcome {
  place: Place['name']
  server: ServerName
  client: ClientName
  asked: string
}

const PROGRAMS = { kdig, dig } as const

/** Debian packages of the programs. */
export const PACKAGES = { kdig: 'knot-dnsutils', dig: 'bind9-dnsutils' } as const

/** The real clients that are installed here. */
export const programs = (Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]).filter((name) => findCommand(name))

/** Starts the servers, has every client ask each of them at every address, and stops the servers. */
export async function examine(place: Place): Promise<Result[]> {
  const servers = await startServers(place.server)
  try {
    const names = Object.keys(servers.ports) as ServerName[]
    return (await Promise.all(names.map((name) => askEverywhere(place, name, servers.ports[name])))).flat()
  } finally {
    servers.stop()
  }
}

async function startServers(host: Host): Promise<{ ports: ServerPorts; stop(): void }> {
  const child = host.spawn(process.execPath, script('./servers.ts'), { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`the demo's servers ended with exit code ${code}`)
  })
  ended.catch(() => {}) // only of interest until they are up
  const [line] = await Promise.race([once(createInterface(child.stdout!), 'line'), ended])
  return { ports: JSON.parse(line), stop: () => child.stdin!.end() }
}

async function askEverywhere(place: Place, server: ServerName, port: number): Promise<Result[]> {
  const targets: Target[] = place.addresses.map((address) => ({ address, port }))
  const own = ownClient(place.client, targets).then((outcomes) => label(outcomes, 'own client'))
  const real = programs.map(async (client) => {
    const outcomes = await Promise.all(targets.map((target) => PROGRAMS[client](place.client, target)))
    return label(outcomes, client)
  })
  function label(outcomes: Outcome[], client: ClientName): Result[] {
    return outcomes.map((outcome, i) => ({ place: place.name, server, client, asked: place.addresses[i]!, ...outcome }))
  }
  return (await Promise.all([...real, own])).flat()
}
