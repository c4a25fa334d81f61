import { expect, it, vi } from 'vitest'
import { whyNoBpf } from '../kit.js'
import { compare } from './compare.js'

const PACKETS = 50_000
vi.setConfig({ testTimeout: 60_000 })

it(`${PACKETS} random requests and replies, as the model says`, (context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const { outcomes, mismatches } = compare(seed, PACKETS)
  // Repeat with UDP_DSR_SEED=…
  expect({ seed, mismatches: mismatches.length, first: mismatches.slice(0, 2) }).toEqual({
    seed,
    mismatches: 0,
    first: [],
  })
  expect(outcomes.get('request kept')).toBeGreaterThan(1000)
  for (const what of ['reply', 'first fragment', 'later fragment']) {
    for (const outcome of ['kept', 'rewritten'])
      expect(outcomes.get(`${what} ${outcome}`), `${what} ${outcome}`).toBeGreaterThan(1000)
  }
})
