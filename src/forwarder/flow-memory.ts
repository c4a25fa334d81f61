import { decode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { FlowSet } from '../bpf/layouts.js'
import { halfSipHash24 } from '../pinning/half-siphash.js'

/** Of bpf/edge/memory.h and bpf/include/flow_cache.h. */
const TWEAK_FLOW = 0x5bd1e995
const TWEAK_PORT_HIGH = 0x27d4eb2f
const TWEAK_PORT_LOW = 0x165667b1
const MIX_1 = 0x9e3779b97f4a7c15n
const MIX_2 = 0xff51afd7ed558ccdn

/** An address, and a port in a word. */
const PORT_KEY_BYTES = 20

const u64 = (value: bigint) => BigInt.asUintN(64, value)

/** Seconds without a packet after which a flow is forgotten, as the programs count them: in units of 2³⁰ ns. */
export function idleUnits(seconds: number): number {
  return Math.ceil((seconds * 1e9) / 2 ** 30)
}

/** The key that a flow is remembered under. */
export function flowKeyOf(
  hash: number,
  words: Uint32Array,
  length: number,
  [first, second]: readonly [number, number],
  memory: number,
): bigint {
  const tweak = TWEAK_FLOW ^ memory
  const low = halfSipHash24(words, length, first ^ tweak, second ^ ~tweak)
  return (BigInt(hash >>> 0) << 32n) | BigInt(low >>> 0)
}

/** The key that the owner of a VIP's port is remembered under. */
export function portKeyOf(address: Uint8Array, port: number, [first, second]: readonly [number, number]): bigint {
  const bytes = new Uint8Array(PORT_KEY_BYTES)
  bytes.set(address)
  bytes.set([port >> 8, port], address.length)
  const words = new Uint32Array(bytes.buffer)
  const half = (tweak: number) => BigInt(halfSipHash24(words, PORT_KEY_BYTES, first ^ tweak, second ^ ~tweak) >>> 0)
  return (half(TWEAK_PORT_HIGH) << 32n) | half(TWEAK_PORT_LOW)
}

/** What edge.bpf.c remembers of flows (map `flows`), as it reads it itself. */
export class FlowMemory {
  readonly #flows: BpfMap
  readonly #idle: number

  /** @param idle units of 2³⁰ ns after which a flow is forgotten */
  constructor(flows: BpfMap, idle: number) {
    this.#flows = flows
    this.#idle = idle
  }

  /** @returns index of the backend that is remembered, and what its epoch has to agree with */
  recall(key: bigint): { index: number; check: number } | undefined {
    const set = Number((key ^ (key >> 32n)) & BigInt(this.#flows.entries - 1))
    const { ways } = decode(FlowSet, this.#flows.lookup(Uint32Array.of(set))!)
    const now = Number((process.hrtime.bigint() >> 30n) & 0xffff_ffffn)
    const found = ways.find(
      ({ key: kept, check, stamp }) => kept === key && check !== 0 && (now - stamp) >>> 0 <= this.#idle,
    )
    return found && { index: found.value, check: found.check }
  }
}

/** What `check` is for a key and an epoch (`flow_check`). */
export function flowCheck(key: bigint, epoch: number): number {
  let mixed = u64((key ^ (BigInt(epoch) << 32n)) * MIX_1)
  mixed = u64((mixed ^ (mixed >> 29n)) * MIX_2)
  return Number(mixed >> 48n) || 1
}
