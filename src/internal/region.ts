import type { Addon } from './addon.js'

/** Words of one entry in the table of received datagrams, and their order. */
export const DATAGRAM_WORDS = 4
/** Words of one entry in the table of staged sends: offset, length, path, flags. */
export const SEND_WORDS = 4

/** In a datagram's flags: the payload was cut. */
export const TRUNCATED = 1
/** In a send's flags: the low octet is the TOS to send. */
export const HAS_TOS = 0x100

/**
 * The memory that a thread shares with the addon, as typed arrays. All positions are indices into `words` (32-bit
 * words); payload offsets are bytes from the start of `bytes`.
 */
export class Region {
  readonly buffer: ArrayBuffer
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly cursor: number
  readonly error: number
  readonly kernelDrops: number
  readonly truncated: number
  readonly datagrams: number
  readonly paths: number
  readonly sends: number
  readonly pathWords: number
  readonly slots: number
  readonly maxDatagrams: number
  readonly maxSends: number
  readonly sendPaths: number
  /** The path by which addresses are handed to bind and connect, and names are returned: a position. */
  readonly name: number
  readonly scratch: number
  readonly scratchEnd: number
  // Positions within a path.
  readonly peerPort: number
  readonly peerScope: number
  readonly peer: number
  readonly localPort: number
  readonly ifindex: number
  readonly local: number
  readonly source: number
  readonly outIfindex: number
  readonly tos: number

  constructor(addon: Addon) {
    const layout = addon.layout
    this.buffer = addon.memory
    this.bytes = new Uint8Array(addon.memory)
    this.words = new Uint32Array(addon.memory)
    this.cursor = layout.state / 4
    this.error = this.cursor + 1
    this.kernelDrops = this.cursor + 2
    this.truncated = this.cursor + 3
    this.datagrams = layout.datagrams / 4
    this.paths = layout.paths / 4
    this.sends = layout.sends / 4
    this.pathWords = layout.pathBytes / 4
    this.slots = layout.slots
    this.maxDatagrams = layout.maxDatagrams
    this.maxSends = layout.maxSends
    this.sendPaths = layout.sendPaths
    this.name = this.paths + layout.namePath * this.pathWords
    this.scratch = layout.scratch
    this.scratchEnd = layout.scratch + layout.scratchBytes
    this.peerPort = layout.pathPeerPort / 4
    this.peerScope = layout.pathPeerScope / 4
    this.peer = layout.pathPeer / 4
    this.localPort = layout.pathLocalPort / 4
    this.ifindex = layout.pathIfindex / 4
    this.local = layout.pathLocal / 4
    this.source = layout.pathSource / 4
    this.outIfindex = layout.pathOutIfindex / 4
    this.tos = layout.pathTos / 4
  }

  /** Position of path number `path`. */
  path(path: number): number {
    return this.paths + path * this.pathWords
  }
}
