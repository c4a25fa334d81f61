import { layouts } from '../../../../src/bpf/index.js'
import { flowKeyOf, portKeyOf } from '../../../../src/forwarder/flow-memory.js'
import { FlowKey } from '../../../../src/pinning/flow-key.js'
import { halfSipHash24, slotOf } from '../../../../src/pinning/half-siphash.js'
import { readSecret } from '../../../../src/pinning/secret.js'
import type { TestService } from '../world.js'
import { namedBy } from './quic.js'
import type { Scene } from './scene.js'

const { BackendFlags, DrainPhase, ServiceFlags } = layouts
const NOBODY = layouts.TableConstant.backendNone

/** A flow, seen from the client; 16 bytes an address. */
export interface FlowBytes {
  client: Uint8Array
  local: Uint8Array
  clientPort: number
  localPort: number
}

/** What a packet is to the choice of its backend. */
export interface Question {
  service: TestService
  flow: FlowBytes
  kind: 'datagram' | 'fragment' | 'error'
  /** Of a datagram. */
  payload?: Uint8Array
}

/** Who decided: the owner of the port, the connection ID, memory, one who drains and whose flows are learned or held, the table. */
export type Chooser = 'port' | 'name' | 'memory' | 'learn' | 'hold' | 'table'

export interface Choice {
  backend: number
  by: Chooser
  /** The hash of the flow. */
  hash: number
  /** Whom the pool's table has for it. */
  table: number
  /** What else was looked at, and did not decide. */
  notes: readonly string[]
}

const has = (flags: number | undefined, flag: number) => ((flags ?? 0) & flag) !== 0
const slotIn = (table: readonly number[], hash: number) =>
  table.length === 0 ? NOBODY : table[slotOf(hash, table.length)]!

/** The backend of a packet. Flows that are to be remembered are, unless the packet is only about them. */
export function choose({ world, memory }: Scene, question: Question): Choice {
  const { service, flow, kind } = question
  const { settings, backends } = world
  const secret = readSecret('secret', world.secret)
  const key = new FlowKey(service.affinity)
  key.setBytes(flow.client, flow.clientPort, flow.local, flow.localPort)
  const hash = halfSipHash24(key.words, key.length, ...secret) >>> 0
  const table = slotIn(world.pools[service.pool]!, hash)
  const notes: string[] = []
  const chosen = (backend: number, by: Chooser): Choice => ({ backend, by, hash, table, notes })
  const recall = (name: bigint, what: string) => {
    const found = memory.recall(name, backends)
    if (found !== 'forgotten') return found
    notes.push(`${what} forgotten`)
    return undefined
  }
  // Fragments have no ports, so that nobody owns theirs, nor can their connection ID be looked at.
  if (settings?.learnedPorts && has(service.flags, ServiceFlags.learnPorts) && kind !== 'fragment') {
    const owner = recall(portKeyOf(flow.local, flow.localPort, secret), 'port')
    if (owner !== undefined) return chosen(owner, 'port')
  }
  if (settings?.quic && has(service.flags, ServiceFlags.quic) && kind === 'datagram') {
    const named = namedBy(world, service, question.payload!)
    if (typeof named === 'number') return chosen(named, 'name')
    notes.push(`QUIC: ${named}`)
  }
  const flowKey = flowKeyOf(hash, key.words, key.length, secret, service.pool)
  const remember = (backend: number) => {
    if (kind !== 'error' && backends[backend]) memory.remember(flowKey, backend, backends[backend])
  }
  const remembers = settings?.flowTable && has(service.flags, ServiceFlags.flowTable)
  if (remembers) {
    const before = recall(flowKey, 'flow')
    if (before !== undefined) return chosen(before, 'memory')
  }
  const keeper = settings?.draining ? whoKeeps() : undefined
  const found = keeper ?? chosen(table, 'table')
  if (remembers) remember(found.backend)
  return found

  /** Who drains, had the flow's slot before, and keeps it. */
  function whoKeeps(): Choice | undefined {
    const previous = world.previous?.[service.pool]
    if (previous === undefined) return undefined
    const owner = slotIn(previous.slots, hash)
    if (!has(backends[owner]?.flags, BackendFlags.draining)) return undefined
    if (recall(flowKey, 'flow') === owner) return chosen(owner, 'hold')
    if (previous.phase !== DrainPhase.learn) {
      notes.push('not held')
      return undefined
    }
    remember(owner)
    return chosen(owner, 'learn')
  }
}
