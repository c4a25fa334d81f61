/**
 * HalfSipHash-2-4 with 32 bits of output (Aumasson and Bernstein's variant of SipHash for 32-bit words): a keyed hash, so
 * that nobody without the secret can choose addresses that meet in one slot. The key is eight bytes, as two words in
 * little-endian order. `bpf/include/flow_hash.h` is the same in C.
 *
 * Rounds are written out by twos, without calls and with 32-bit integers all the way: that is three times as fast as
 * loops over single rounds, and a flow is hashed for each datagram.
 *
 * @param words the bytes to hash, four a word, the first of them lowest. Bytes of the last word beyond `length` are
 *   ignored.
 * @param length bytes to hash, 0–255
 * @returns 0 – 2³²−1
 */
export function halfSipHash24(words: Uint32Array, length: number, key0: number, key1: number): number {
  return halfSipHash24Signed(words, length, key0, key1) >>> 0
}

/**
 * The same bits as a signed integer, −2³¹ – 2³¹−1. V8 makes an object of every larger number that a function returns: on
 * the path of each datagram this one allocates nothing, if both halves of the key are signed, too.
 */
export function halfSipHash24Signed(words: Uint32Array, length: number, key0: number, key1: number): number {
  let v0 = key0 | 0
  let v1 = key1 | 0
  let v2 = 0x6c796765 ^ key0
  let v3 = 0x74656462 ^ key1
  const whole = length >>> 2
  for (let i = 0; i < whole; i++) {
    const word = words[i]! | 0
    v3 ^= word
    v0 = (v0 + v1) | 0
    v2 = (v2 + v3) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
    v2 = (v2 + v1) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 = (v0 + v1) | 0
    v2 = (v2 + v3) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
    v2 = (v2 + v1) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  // The last block: the bytes left over, and the length (mod 256) above them.
  const left = length & 3
  let last = length << 24
  if (left !== 0) last |= words[whole]! & ((1 << (left << 3)) - 1)
  v3 ^= last
  v0 = (v0 + v1) | 0
  v2 = (v2 + v3) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
  v2 = (v2 + v1) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 = (v0 + v1) | 0
  v2 = (v2 + v3) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
  v2 = (v2 + v1) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 ^= last
  v2 ^= 0xff
  for (let i = 0; i < 2; i++) {
    v0 = (v0 + v1) | 0
    v2 = (v2 + v3) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
    v2 = (v2 + v1) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 = (v0 + v1) | 0
    v2 = (v2 + v3) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0
    v2 = (v2 + v1) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
  }
  return v1 ^ v3
}

/**
 * The slot that a hash leads to, evenly over the table: `⌊hash · size / 2³²⌋`. In C
 * `(uint32_t)(((uint64_t)hash * size) >> 32)`.
 *
 * @param hash 0 – 2³²−1
 * @param size slots, 1 – 2²⁰: below 2²¹ the product is exact in a double
 */
export function slotOf(hash: number, size: number): number {
  return Math.floor((hash * size) / 0x1_0000_0000)
}
