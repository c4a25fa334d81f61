import { crc32cOfHeader } from '../../../src/proxy/crc32c.js'

/** Longest input: a header of version 2 at its longest, and some payload. */
const LONGEST = 16 + 0xffff + 64
/** Bytes that mean something somewhere: signatures, types of TLVs, digits, ends of lines. */
const BYTES = [
  ...[0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0a, 0x0d, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x28, 0x30, 0x31, 0x32],
  ...[0x33, 0x39, 0x3a, 0x2e, 0x50, 0x56, 0x7f, 0x80, 0xc3, 0xe0, 0xea, 0xec, 0xee, 0xff],
]
/** Numbers of two bytes that are limits somewhere. */
const NUMBERS = [0, 1, 3, 4, 5, 8, 11, 12, 13, 35, 36, 37, 128, 129, 215, 216, 217, 0xfffc, 0xffff]

type Edit = (bytes: Uint8Array) => Uint8Array

/** Makes inputs of those that it knows, the same ones for the same seed. */
export class Mutator {
  readonly #corpus: readonly Uint8Array[]
  readonly #edits: readonly Edit[]
  #state: number

  /** @param corpus inputs to start from; it may grow meanwhile */
  constructor(seed: number, corpus: readonly Uint8Array[]) {
    this.#state = seed | 1
    this.#corpus = corpus
    this.#edits = [
      (bytes) => this.#set(bytes, (old) => old ^ (1 << this.#below(8))),
      (bytes) => this.#set(bytes, () => this.#below(256)),
      (bytes) => this.#set(bytes, () => this.#pick(BYTES)),
      (bytes) => this.#setNumber(bytes),
      (bytes) =>
        this.#splice(
          bytes,
          0,
          Uint8Array.from({ length: 1 + this.#below(8) }, () => this.#pick(BYTES)),
        ),
      (bytes) => this.#splice(bytes, 1 + this.#below(8), new Uint8Array(0)),
      (bytes) => bytes.slice(0, this.#below(bytes.length + 1)),
      (bytes) => this.#splice(bytes, 0, this.#part(this.#pick(this.#corpus))),
      (bytes) => this.#repeatTail(bytes),
      (bytes) => withLength(bytes),
      (bytes) => withLength(bytes),
      (bytes) => withChecksum(bytes),
    ]
  }

  next(): Uint8Array {
    let bytes = Uint8Array.from(this.#pick(this.#corpus))
    for (let edits = 1 + this.#below(6); edits > 0; edits--) bytes = Uint8Array.from(this.#pick(this.#edits)(bytes))
    return bytes.length > LONGEST ? bytes.subarray(0, LONGEST) : bytes
  }

  /** Marsaglia's xorshift of 32 bits. */
  #below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) % limit
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)] as Item
  }

  /** Some of the bytes, mostly few. */
  #part(bytes: Uint8Array): Uint8Array {
    const start = this.#below(bytes.length + 1)
    return bytes.subarray(start, start + 1 + this.#below(40))
  }

  #set(bytes: Uint8Array, change: (old: number) => number): Uint8Array {
    if (bytes.length === 0) return bytes
    const at = this.#below(bytes.length)
    bytes[at] = change(bytes[at] as number)
    return bytes
  }

  #setNumber(bytes: Uint8Array): Uint8Array {
    if (bytes.length < 2) return bytes
    const at = this.#below(4) === 0 && bytes.length > 15 ? 14 : this.#below(bytes.length - 1)
    const number = this.#pick(NUMBERS)
    bytes[at] = number >> 8
    bytes[at + 1] = number
    return bytes
  }

  #splice(bytes: Uint8Array, cut: number, put: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)])
  }

  /** Writes the last bytes again, now and then until the header is as long as one can be. */
  #repeatTail(bytes: Uint8Array): Uint8Array {
    const tail = bytes.subarray(Math.max(0, bytes.length - 3 - this.#below(12)))
    if (tail.length === 0) return bytes
    const longest = this.#below(200) === 0 ? LONGEST : bytes.length + 256
    const times = Math.floor((longest - bytes.length) / tail.length)
    return Buffer.concat([bytes, ...Array<Uint8Array>(Math.max(0, times)).fill(tail)])
  }
}

/** Lets the length field of version 2 count all that follows. */
function withLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 16 || bytes.length > 16 + 0xffff) return bytes
  bytes[14] = (bytes.length - 16) >> 8
  bytes[15] = bytes.length - 16
  return bytes
}

/** Makes the first checksum right, if there is one and TLVs can be walked so far. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  const start = { 1: 28, 2: 52, 3: 232 }[(bytes[13] ?? 0) >> 4]
  if (start === undefined) return bytes
  for (let at = start; at + 7 <= bytes.length; at += 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!)) {
    if (bytes[at] !== 3 || bytes[at + 2] !== 4) continue
    const end = Math.min(bytes.length, 16 + ((bytes[14]! << 8) | bytes[15]!))
    if (at + 7 > end) break
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 3, crc32cOfHeader(bytes, 0, at + 3, end))
    break
  }
  return bytes
}
