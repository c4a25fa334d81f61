import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decode, encode, ProxyHeaderTemplate, ProxyHeaderView, ProxyProtocolError } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { validVectors } from './vectors.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Headers in memory, as a multiple of the bytes that they were read from, at most. The worst are TLVs of one byte. */
const MULTIPLE = 64
/** Each input so often: what takes the square of its length takes minutes then, and the test's time is over. */
const TIMES = 200

const fixed = Buffer.from('0d0a0d0a000d0a515549540a2112', 'hex')

/** A header of version 2 that is full of one TLV. */
function full(...tlv: number[]): Buffer {
  const count = Math.floor((0xffff - 12) / tlv.length)
  const block = Buffer.concat([Buffer.alloc(12, 1), Buffer.alloc(count * tlv.length, Uint8Array.from(tlv))])
  return Buffer.concat([fixed, Uint8Array.of(block.length >> 8, block.length), block])
}

const checksummed = encode(
  { ...decode(full(4, 0, 0)).header, tlvs: [{ type: 4, value: Buffer.alloc(65000) }] } as Parameters<typeof encode>[0],
  { checksum: true },
)

const inputs: [name: string, bytes: Buffer][] = [
  ['21841 empty TLVs', full(4, 0, 0)],
  ['16380 TLVs of one byte', full(4, 0, 1, 7)],
  ['13104 TLVs of two bytes', full(4, 0, 2, 7, 8)],
  ['3449 TLVs of sixteen bytes', full(5, 0, 16, ...Array(16).fill(9))],
  ['21841 empty CRC32C', full(3, 0, 0)],
  ['9360 CRC32C', full(3, 0, 4, 0, 0, 0, 0)],
  ['one CRC32C over 65042 bytes', checksummed],
  ['65535 bytes of zero', Buffer.alloc(0xffff)],
  ['a line of version 1 without end', Buffer.concat([Buffer.from('PROXY UNKNOWN '), Buffer.alloc(0xffff, 0x20)])],
  ['a line of version 1 of carriage returns', Buffer.concat([Buffer.from('PROXY '), Buffer.alloc(0xffff, 0x0d)])],
  [
    'a longest header of LOCAL',
    Buffer.concat([fixed.subarray(0, 12), Buffer.of(0x20, 0, 255, 255), Buffer.alloc(0xffff)]),
  ],
]

describe('64 KiB of input', () => {
  it.each(inputs)('%s take time and memory in proportion', (_, bytes) => {
    const view = new ProxyHeaderView()
    let refused = 0
    for (let i = 0; i < TIMES; i++) {
      try {
        expect(view.read(bytes).length).toBe(decode(bytes).length)
      } catch (error) {
        if (!(error instanceof ProxyProtocolError)) throw error
        expect(error.message.length).toBeLessThan(400)
        refused++
      }
    }
    expect([0, TIMES]).toContain(refused)
    if (refused > 0) return
    collect()
    const before = process.memoryUsage()
    const kept = Array.from({ length: 5 }, () => decode(bytes).header)
    collect()
    const after = process.memoryUsage()
    const taken = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
    expect(taken / kept.length / bytes.length).toBeLessThan(MULTIPLE)
    expect(decode(encode(kept[0] as (typeof kept)[0])).header).toEqual(kept[0])
  })
})

describe('nothing is allocated', () => {
  const CALLS = 100_000
  /** Bytes: less than any object takes, but code that is not optimised yet may box a number (16 bytes) in each call. */
  const ALLOWED = CALLS * 20

  function growth(act: (i: number) => unknown): number {
    for (let i = 0; i < CALLS; i++) act(i)
    let least = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 5 && least > ALLOWED; attempt++) {
      collect()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < CALLS; i++) act(i)
      least = Math.min(least, Math.abs(process.memoryUsage().heapUsed - before))
    }
    return least
  }

  it('by reading a header with a view', () => {
    const view = new ProxyHeaderView()
    const headers = validVectors.filter(({ header: { version } }) => version !== 'v1').map(({ bytes }) => bytes)
    const lax = new ProxyHeaderView({ verifyChecksum: false })
    const read = (i: number) => {
      const bytes = headers[i % headers.length] as Buffer
      lax.read(bytes)
      return lax.length + (lax.sourcePort ?? 0)
    }
    expect(growth(read)).toBeLessThan(ALLOWED)
    expect(growth(() => view.read(checksummedShort).length)).toBeLessThan(ALLOWED)
  })

  it('by writing a header with a template', () => {
    const template = new ProxyHeaderTemplate({
      ...{ version: 'v2', family: 'IPv6', transport: 'DGRAM', checksum: true },
      destination: { address: '2001:db8::1', port: 53 },
    })
    const target = Buffer.alloc(100)
    expect(growth((i) => template.write('2001:db8::2', i & 0xffff, target))).toBeLessThan(ALLOWED)
  })
})

const checksummedShort = validVectors.find(({ name }) => name === 'v2 IPv4 with a CRC32C alone')?.bytes as Buffer
