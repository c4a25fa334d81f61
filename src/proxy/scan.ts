import { crc32cOfHeader } from './crc32c.js'
import { Fault } from './faults.js'
import { readLine } from './line.js'
import type { ProxyVersion } from './types.js'
import {
  INET_BLOCK,
  INET6_BLOCK,
  ProxyTlvType,
  SPP_LENGTH,
  SPP_MAGIC,
  SPP_PORTS,
  TLV_FIXED,
  UNIX_BLOCK,
  V1_SIGNATURE,
  V2_FIXED,
  V2_SIGNATURE,
} from './wire.js'

/** Versions as a set of bits, for the path that runs once for each datagram. */
export const VERSION_BITS = { v1: 1, v2: 2, spp: 4 } as const

/** Address families as numbers; 4 and 6 are those of the internet. */
export const Family = { unspec: 0, inet: 4, inet6: 6, unix: 1 } as const

/** Transports as they stand in the low nibble of version 2. */
export const Transport = { unspec: 0, stream: 1, dgram: 2 } as const

export function versionBits(versions: readonly ProxyVersion[]): number {
  let bits = 0
  for (const version of versions) bits |= VERSION_BITS[version]
  return bits
}

/**
 * One header, found and checked but not unpacked: where its parts lie. A scan is used again for the next header, and
 * allocates nothing.
 */
export class HeaderScan {
  version: ProxyVersion = 'v2'
  /** LOCAL: the ends are those of the connection itself. */
  local = false
  family: 0 | 1 | 4 | 6 = Family.unspec
  transport: 0 | 1 | 2 = Transport.unspec
  /** Bytes of the header. After `Fault.incomplete` what is known to be needed, at least. */
  length = 0
  /** Where addresses and ports are: in the input, or for version 1 in the scan's own bytes. */
  bytes: Uint8Array
  /** Source and destination, 4 or 16 bytes in network order, or 108 bytes of path. */
  source = 0
  destination = 0
  /** Two bytes each, network order. */
  sourcePort = 0
  destinationPort = 0
  /** TLVs of the input, `[tlvs, tlvsEnd)`. */
  tlvs = 0
  tlvsEnd = 0
  /** Version 1 has its addresses as text; here they are as version 2 has them. */
  readonly #line = new Uint8Array(INET6_BLOCK)

  constructor() {
    this.bytes = this.#line
  }

  /**
   * Reads the header that begins at `bytes[start]` and lies before `bytes[end]`.
   *
   * @param versions those accepted, `VERSION_BITS`
   * @param verify whether a CRC32C that is there must be right
   * @returns a `Fault`; the fields are right when it is `none`
   */
  read(bytes: Uint8Array, start: number, end: number, versions: number, verify: boolean): Fault {
    this.length = 1
    if (start >= end) return Fault.incomplete
    const first = bytes[start]
    if (first === V2_SIGNATURE[0] && (versions & VERSION_BITS.v2) !== 0) return this.#readV2(bytes, start, end, verify)
    if (first === SPP_MAGIC[0] && (versions & VERSION_BITS.spp) !== 0) return this.#readSpp(bytes, start, end)
    if (first === V1_SIGNATURE[0] && (versions & VERSION_BITS.v1) !== 0) return this.#readV1(bytes, start, end)
    return Fault.signature
  }

  #readV2(bytes: Uint8Array, start: number, end: number, verify: boolean): Fault {
    const present = end - start
    if (!hasSignature(bytes, start, present)) return Fault.signature
    this.length = V2_FIXED
    if (present < 13) return Fault.incomplete
    const command = bytes[start + 12]!
    if (command >>> 4 !== 2) return Fault.version
    if ((command & 0xf) > 1) return Fault.command
    if (present < V2_FIXED) return Fault.incomplete
    const blockLength = (bytes[start + 14]! << 8) | bytes[start + 15]!
    const length = V2_FIXED + blockLength
    this.length = length
    this.version = 'v2'
    this.local = command === 0x20
    if (this.local) this.#setUnspec()
    else {
      const fault = this.#readFamily(bytes[start + 13]!, start + V2_FIXED, blockLength)
      if (fault !== Fault.none) return fault
    }
    if (present < length) return Fault.incomplete
    this.bytes = bytes
    if (this.family === Family.unspec) return Fault.none
    this.tlvsEnd = start + length
    return this.tlvs === this.tlvsEnd ? Fault.none : this.#walk(bytes, start, verify)
  }

  /** The addresses of a header whose block of `length` bytes is at `block`. */
  #readFamily(familyAndTransport: number, block: number, length: number): Fault {
    const transport = familyAndTransport & 0xf
    let size: number
    let addressSize: number
    switch (familyAndTransport) {
      case 0x11:
      case 0x12:
        this.family = Family.inet
        size = INET_BLOCK
        addressSize = 4
        break
      case 0x21:
      case 0x22:
        this.family = Family.inet6
        size = INET6_BLOCK
        addressSize = 16
        break
      case 0x31:
      case 0x32:
        this.family = Family.unix
        size = UNIX_BLOCK
        addressSize = UNIX_BLOCK / 2
        break
      case 0x00:
        this.#setUnspec()
        return Fault.none
      default:
        return Fault.family
    }
    if (length < size) return Fault.length
    this.transport = transport as 1 | 2
    this.source = block
    this.destination = block + addressSize
    this.sourcePort = block + 2 * addressSize
    this.destinationPort = this.sourcePort + 2
    this.tlvs = block + size
    return Fault.none
  }

  /** Sees that TLVs end where the header does, and checks the checksum if there is one. */
  #walk(bytes: Uint8Array, start: number, verify: boolean): Fault {
    const end = this.tlvsEnd
    let checksum = 0
    let at = this.tlvs
    while (at < end) {
      if (end - at < TLV_FIXED) return Fault.tlv
      const size = (bytes[at + 1]! << 8) | bytes[at + 2]!
      const next = at + TLV_FIXED + size
      if (next > end) return Fault.tlv
      if (bytes[at] === ProxyTlvType.crc32c) {
        // A second one would have no defined value, and checking each would cost the square of the header.
        if (size !== 4 || checksum !== 0) return Fault.tlv
        checksum = at + TLV_FIXED
      }
      at = next
    }
    return checksum === 0 || !verify ? Fault.none : checkChecksum(bytes, start, checksum, end)
  }

  #readSpp(bytes: Uint8Array, start: number, end: number): Fault {
    const present = end - start
    if (present > 1 && bytes[start + 1] !== SPP_MAGIC[1]) return Fault.signature
    this.length = SPP_LENGTH
    if (present < SPP_LENGTH) return Fault.incomplete
    this.version = 'spp'
    this.local = false
    this.transport = Transport.dgram
    this.bytes = bytes
    this.source = start + 2
    this.destination = start + 18
    this.sourcePort = start + SPP_PORTS
    this.destinationPort = start + SPP_PORTS + 2
    this.family = Family.inet6
    if (isMapped(bytes, this.source) && isMapped(bytes, this.destination)) {
      this.family = Family.inet
      this.source += 12
      this.destination += 12
    }
    this.#setNoTlvs()
    return Fault.none
  }

  #readV1(bytes: Uint8Array, start: number, end: number): Fault {
    for (let i = 1; i < V1_SIGNATURE.length && start + i < end; i++) {
      if (bytes[start + i] !== V1_SIGNATURE[i]) return Fault.signature
    }
    const { fault, family, length } = readLine(this.#line, bytes, start, end)
    if (fault === Fault.none) this.#setLine(family)
    this.length = length
    return fault
  }

  /** Forgets the header. */
  clear(): void {
    this.#setLine(Family.unspec)
    this.length = 0
  }

  /** @param family of the addresses that lie in the scan's own bytes */
  #setLine(family: 0 | 4 | 6): void {
    this.version = 'v1'
    this.local = false
    this.bytes = this.#line
    this.family = family
    this.transport = family === Family.unspec ? Transport.unspec : Transport.stream
    const size = family === Family.inet ? 4 : 16
    this.source = 0
    this.destination = size
    this.sourcePort = 2 * size
    this.destinationPort = 2 * size + 2
    this.#setNoTlvs()
  }

  #setUnspec(): void {
    this.family = Family.unspec
    this.transport = Transport.unspec
    this.#setNoTlvs()
  }

  #setNoTlvs(): void {
    this.tlvs = 0
    this.tlvsEnd = 0
  }
}

/** Compares the four bytes at `field` with what they should be. */
function checkChecksum(bytes: Uint8Array, start: number, field: number, end: number): Fault {
  const [a, b, c, d] = [bytes[field]!, bytes[field + 1]!, bytes[field + 2]!, bytes[field + 3]!]
  const written = (a << 24) | (b << 16) | (c << 8) | d
  return written === crc32cOfHeader(bytes, start, field, end) ? Fault.none : Fault.checksum
}

/** Whether the signature of version 2 begins there, or as much of it as is present; its first byte is known to. */
function hasSignature(bytes: Uint8Array, start: number, present: number): boolean {
  if (present >= V2_SIGNATURE.length) {
    // One expression, because this runs once for each datagram and a loop takes twice as long.
    return (
      bytes[start + 1] === 0x0a &&
      bytes[start + 2] === 0x0d &&
      bytes[start + 3] === 0x0a &&
      bytes[start + 4] === 0x00 &&
      bytes[start + 5] === 0x0d &&
      bytes[start + 6] === 0x0a &&
      bytes[start + 7] === 0x51 &&
      bytes[start + 8] === 0x55 &&
      bytes[start + 9] === 0x49 &&
      bytes[start + 10] === 0x54 &&
      bytes[start + 11] === 0x0a
    )
  }
  for (let i = 1; i < present; i++) if (bytes[start + i] !== V2_SIGNATURE[i]) return false
  return true
}

/** Whether the 16 bytes from `at` on are an IPv4 address as `::ffff:a.b.c.d`. */
export function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff
}
