import { type ProxyHeader, ProxyProtocolError } from 'udp-dsr/proxy'
import { expect } from 'vitest'

/** The ProxyProtocolError that the function throws; anything else that it throws passes. */
export function refusal(act: () => unknown): ProxyProtocolError {
  try {
    act()
  } catch (error) {
    if (error instanceof ProxyProtocolError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

export function expectCode(act: () => unknown, code: ProxyProtocolError['code']): void {
  expect(refusal(act).code).toBe(code)
}

/** A header with the bytes in it as hexadecimal, for comparisons that do not mind which class holds them. */
export function plain(header: ProxyHeader): unknown {
  return JSON.parse(
    JSON.stringify(header, function (this: Record<string, unknown>, key, value) {
      const held = this[key]
      return held instanceof Uint8Array ? Buffer.from(held).toString('hex') : value
    }),
  )
}

/** The bytes in the middle of a larger buffer whose other bytes are all `poison`. */
export function surrounded(bytes: Uint8Array, poison: number): Buffer {
  const larger = Buffer.alloc(bytes.length + 600, poison)
  larger.set(bytes, 300)
  return larger.subarray(300, 300 + bytes.length)
}
