import { setTimeout as sleep } from 'node:timers/promises'
import { decode } from '../bpf/codec.js'
import { type BpfMap, RingBuffer } from '../bpf/index.js'
import { Event, Reason } from '../bpf/layouts.js'
import type { FlowEnd } from '../pinning/index.js'
import { textOf } from './address.js'

/** What happened to one packet of a sample. */
export interface EdgeEvent {
  /** Milliseconds since 1970. */
  time: number
  client: FlowEnd
  /** The VIP and its port. */
  local: FlowEnd
  /** Name; undefined for what is for no service, or for one that is gone by now. */
  service: string | undefined
  backend: { id: string; address: string } | undefined
  /** Bytes of the IP packet as it came in. */
  length: number
  /** `forwarded`, or why it was not: a name of `Reason` in `udp-dsr/bpf`. */
  reason: string
  protocol: 'udp' | 'icmp'
}

/** Who has which counters. */
export interface CounterNames {
  service(counters: number): string | undefined
  backend(counters: number): { id: string; address: string } | undefined
}

/** How often is looked for new events. */
const PAUSE_MS = 50
const UDP = 17
const REASONS = new Map<number, string>(Object.entries(Reason).map(([name, number]) => [number, name]))

/** Reads events as they come, until it is told to stop. */
export async function* readEvents(
  map: BpfMap,
  names: () => CounterNames,
  signal: AbortSignal,
): AsyncGenerator<EdgeEvent, void, undefined> {
  const ring = new RingBuffer(map)
  while (!signal.aborted) {
    const events: Event[] = []
    ring.read((record) => events.push(decode(Event, record)))
    const known = names()
    for (const event of events) {
      if (signal.aborted) return
      yield edgeEvent(event, known)
    }
    if (events.length === 0) await sleep(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
}

function edgeEvent(event: Event, names: CounterNames): EdgeEvent {
  const { time, client, clientPort, local, localPort, length, reason, protocol } = event
  return {
    time: Date.now() - Number(process.hrtime.bigint() - time) / 1e6,
    client: { address: textOf(client), port: clientPort },
    local: { address: textOf(local), port: localPort },
    service: names.service(event.service),
    backend: names.backend(event.backend),
    length,
    reason: REASONS.get(reason)!,
    protocol: protocol === UDP ? 'udp' : 'icmp',
  }
}
