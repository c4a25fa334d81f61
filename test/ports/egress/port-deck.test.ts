import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dealPort, deckUse } from '../../../src/ports/egress/decks.js'
import { PortDeck } from '../../../src/ports/egress/port-deck.js'
import { PortQueue } from '../../../src/ports/egress/port-queue.js'
import { randomBelow, shuffle } from '../../../src/ports/random-order.js'

describe('PortQueue', () => {
  it('gives back what was put in, in order, however it grows', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 65535 })), { maxLength: 300 }), (operations) => {
        const queue = new PortQueue()
        const model: number[] = []
        for (const port of operations) {
          if (port === null) expect(queue.shift()).toBe(model.shift() ?? -1)
          else {
            queue.push(port)
            model.push(port)
          }
          expect(queue.length).toBe(model.length)
        }
      }),
    )
  })
})

describe('PortDeck', () => {
  it('gives each port once, then what was given back longest ago', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.integer({ min: -1, max: 29 }), { maxLength: 200 }),
        (size, operations) => {
          const ports = Array.from({ length: size }, (_, i) => 40_000 + i)
          const deck = new PortDeck(Uint16Array.from(ports))
          const out: number[] = []
          const fresh = new Set(ports)
          const returned: number[] = []
          for (const which of operations) {
            if (which >= 0 && which < out.length) {
              const [port] = out.splice(which, 1) as [number]
              deck.giveBack(port)
              returned.push(port)
            } else {
              const port = deck.deal()
              if (fresh.size > 0) expect(fresh.delete(port)).toBe(true)
              else expect(port).toBe(returned.shift() ?? -1)
              if (port >= 0) out.push(port)
            }
            expect(new Set(out).size).toBe(out.length)
            expect(deck.inUse).toBe(out.length)
          }
        },
      ),
    )
  })

  it('of no ports gives none', () => {
    expect(new PortDeck(new Uint16Array(0)).deal()).toBe(-1)
  })

  it('begins elsewhere for each destination', () => {
    const order = shuffle(Uint16Array.from({ length: 20_000 }, (_, i) => 40_000 + i))
    const firsts = Array.from({ length: 20 }, () => new PortDeck(order).deal())
    expect(new Set(firsts).size).toBeGreaterThan(15)
  })
})

describe('dealPort', () => {
  it('keeps a deck for each flow and range, and forgets those that have long been idle', () => {
    const range = [40_000, 40_003] as const
    const a = dealPort('tcp a', range)
    const b = dealPort('tcp b', range)
    expect(deckUse('tcp a', range)).toEqual({ total: 4, leased: 1 })
    const rest = [1, 2, 3].map(() => dealPort('tcp a', range)?.port)
    expect([a?.port, ...rest].sort()).toEqual([40_000, 40_001, 40_002, 40_003])
    expect(dealPort('tcp a', range)).toBeUndefined()
    a?.release()
    expect(dealPort('tcp a', range)?.port).toBe(a?.port)
    b?.release()
    // More idle destinations than are remembered: the busy one is not among those forgotten.
    for (let i = 0; i < 3000; i++) dealPort(`udp ${i}`, range)?.release()
    expect(deckUse('tcp a', range).leased).toBe(4)
  })
})

describe('randomness', () => {
  it('shuffles every port to every place', () => {
    const seen = Array.from({ length: 8 }, () => new Set<number>())
    for (let i = 0; i < 500; i++) {
      const ports = shuffle(Uint16Array.from({ length: 8 }, (_, port) => port))
      for (const [place, port] of ports.entries()) seen[place]!.add(port)
    }
    expect(seen.map((ports) => ports.size)).toEqual(Array(8).fill(8))
  })

  it('reaches both ends and nothing beyond', () => {
    const numbers = new Set(Array.from({ length: 2000 }, () => randomBelow(5)))
    expect([...numbers].sort()).toEqual([0, 1, 2, 3, 4])
    expect(randomBelow(1)).toBe(0)
  })
})
