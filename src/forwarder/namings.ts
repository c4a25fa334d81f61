import { encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { QuicServerKey, SourceKey } from '../bpf/layouts.js'
import { mapFull } from '../errors.js'
import type { Pool } from './read-config.js'

/** A key of a hash map, and the index of the backend that it names: a server ID, or an address that replies come from. */
export interface Naming {
  key: Uint8Array
  index: number
}

/** By their keys in hexadecimal digits. */
export type Namings = Map<string, Naming>

/** Of a server ID in its key, padded. */
const QUIC_ID_BYTES = 8

/** What a map names; the indices have to be written again. */
export function namingsOf(map: BpfMap): Namings {
  return new Map([...map.keys()].map((key) => [hex(key), { key, index: -1 }]))
}

/** Whom connection IDs may name: who is not down. */
export function addServers(servers: Namings, { memory, quicLb, backends }: Pool, indices: readonly number[]): void {
  if (quicLb === undefined) return
  for (const [i, { serverId, state }] of backends.entries()) {
    if (serverId === undefined || state === 'down') continue
    const id = new Uint8Array(QUIC_ID_BYTES)
    id.set(serverId)
    for (const config of quicLb.configIds) {
      const key = encode(QuicServerKey, { memory, config, length: serverId.length, id })
      servers.set(hex(key), { key, index: indices[i]! })
    }
  }
}

/** Whose replies are taken: anybody's who is a member, since what is down may still have something to say. */
export function addSources(sources: Namings, { backends }: Pool, indices: readonly number[]): void {
  for (const [i, { address }] of backends.entries()) {
    const key = encode(SourceKey, { address })
    sources.set(hex(key), { key, index: indices[i]! })
  }
}

/**
 * New ones are made before old ones go.
 *
 * @throws BpfError ERR_BPF_MAP_FULL when the map `name` does not hold both
 */
export function checkRoom(name: string, { entries }: BpfMap, before: Namings, after: Namings): void {
  const together = new Set([...before.keys(), ...after.keys()])
  if (together.size > entries) throw mapFull(name, entries, 'Raise limits.backends')
}

export function addNamings(map: BpfMap, before: Namings, after: Namings): void {
  for (const [name, { key, index }] of after) {
    if (before.get(name)?.index !== index) map.update(key, Uint32Array.of(index))
  }
}

export function removeNamings(map: BpfMap, before: Namings, after: Namings): void {
  for (const [name, { key }] of before) if (!after.has(name)) map.delete(key)
}

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex')
}
