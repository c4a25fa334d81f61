// Sends frames as fast as the kernel makes them: BPF_PROG_TEST_RUN with live frames. It takes the thread for itself while it does.
import { fileURLToPath } from 'node:url'
import { play } from '../../examples/netns/actor.js'
import { defineObject } from '../../scripts/lib/bpf-definition.mjs'
import { interfaceByName, type LoadedObject, loadObject, type ObjectDefinition } from '../../src/bpf/index.js'
import { BPF_F_TEST_XDP_LIVE_FRAMES } from '../../src/internal/linux.js'
import { addressBytes } from '../../test/bpf/address.js'

/** Frames that the kernel makes at a time (its own limit is 256). */
const BATCH = 64
/** Bytes before the payload: Ethernet, IPv4, UDP. */
const HEADERS = 42

export interface GeneratorOptions {
  interface: string
  /** Ethernet address of the next host. */
  destination: Uint8Array | number[]
  vip: string
  port: number
  /** A power of two. */
  clients: number
  /** Bytes. */
  payload: number
}

let loaded: LoadedObject<ObjectDefinition> | undefined
let bytes = 0

const part = {
  async prepare(options: GeneratorOptions): Promise<void> {
    const definition = await defineObject(fileURLToPath(new URL('../bpf/generate.bpf.c', import.meta.url)), [])
    const on = interfaceByName(options.interface)
    const settings = Buffer.alloc(32)
    settings.set(options.destination, 0)
    settings.set(on.mac!, 6)
    settings.set(addressBytes(options.vip).subarray(12), 12)
    settings.set([10, 64, 0, 1], 16)
    settings.writeUInt32LE(options.clients, 20)
    settings.writeUInt16BE(options.port, 24)
    settings.writeUInt16LE(options.payload, 26)
    settings.writeUInt32LE(on.ifindex, 28)
    loaded = loadObject(definition, { settings })
    bytes = HEADERS + options.payload
  },

  /** @returns frames a second, and how many were handed to the interface */
  send(frames: number): { rate: number; sent: number } {
    const before = sent()
    const begin = process.hrtime.bigint()
    const options = { repeat: frames, flags: BPF_F_TEST_XDP_LIVE_FRAMES, batch: BATCH }
    loaded!.programs.generate!.testRun({ data: new Uint8Array(bytes), ...options })
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9
    return { rate: frames / seconds, sent: sent() - before }
  },
}

/** Over all CPUs. */
function sent(): number {
  const values = loaded!.maps.sent!.lookupPerCpu(Uint32Array.of(0))
  return values.reduce(
    (sum, value) => sum + Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)),
    0,
  )
}

export type GeneratorPart = typeof part
play(part)
