import { decode, encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { BackendFlags, Backend as BackendLayout } from '../bpf/layouts.js'
import { type MappedAddress, textOf } from './address.js'

/** A backend that has an entry in the map `backends`. */
export interface KnownBackend {
  /** In every pool that has it. */
  down: boolean
  index: number
  counters: number
  id: string
  value: BackendLayout
}

/** The entry at an index, whoever has it. */
export function readBackend(backends: BpfMap, index: number): BackendLayout {
  return decode(BackendLayout, backends.lookup(Uint32Array.of(index))!)
}

export function writeBackend(backends: BpfMap, index: number, value: BackendLayout): void {
  backends.update(Uint32Array.of(index), encode(BackendLayout, value))
}

export function isDraining({ flags }: BackendLayout): boolean {
  return (flags & BackendFlags.draining) !== 0
}

/** Backends that differ in what cannot be changed in place are different ones. */
export function nameOfBackend(id: string, { address, source, vlan, mtu, port, delivery }: BackendLayout): string {
  return JSON.stringify([id, textOf(address), textOf(source), vlan, mtu, port, delivery])
}

/** What has a counter of its own: a backend by its name and address, however it is reached. */
export function countedAs(id: string, { address }: { address: MappedAddress }): string {
  return JSON.stringify([id, textOf(address)])
}

/** The name and the address that `countedAs` was told. */
export function readCounted(name: string): { id: string; address: string } {
  const [id, address] = JSON.parse(name) as [string, string]
  return { id, address }
}
