/**
 * CRC-32C (Castagnoli), reflected polynomial 0x82f63b78 (RFC 3720 §12.1), a byte at a time. All numbers are signed: the
 * engine keeps those of 32 bits in place, and allocates for larger ones.
 */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

/**
 * CRC-32C of a header whose checksum field counts as zero.
 *
 * @param start first byte of the header
 * @param field where the four bytes of the field begin, within the header
 * @param end first byte behind the header
 * @returns its 32 bits as a signed number; `>>> 0` makes 0 – 2³²−1 of it
 */
export function crc32cOfHeader(bytes: Uint8Array, start: number, field: number, end: number): number {
  let crc = update(-1, bytes, start, field)
  for (let i = 0; i < 4; i++) crc = TABLE[crc & 0xff]! ^ (crc >>> 8)
  return ~update(crc, bytes, field + 4, end)
}

function update(crc: number, bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return crc
}
