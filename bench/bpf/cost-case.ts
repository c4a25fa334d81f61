/** Numbers of flows, and what a counter of packets is masked with to have them. */
export const CLIENTS = { 1: 0, '4,096': 4095, '1,048,576': 2 ** 20 - 1, 'ever new': 2 ** 32 - 1 } as const

/**
 * `struct cost_case` of renew.h.
 *
 * @param places where in the frame the client's address is, and its port
 */
export function costCase(frame: Uint8Array, clients: number, [address, port]: readonly [number, number]): Buffer {
  const value = Buffer.alloc(88)
  value.set(frame.subarray(0, 64))
  for (const [i, word] of [frame.length, clients, 0, address, port].entries()) value.writeUInt32LE(word, 64 + 4 * i)
  return value
}
