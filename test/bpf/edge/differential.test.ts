import { expect, it, vi } from 'vitest'
import { whyNoBpf } from '../kit.js'
import { compare } from './compare.js'

/** The edge in the kernel against the model, packet by packet and counter by counter. */

const PACKETS = 200_000
vi.setConfig({ testTimeout: 120_000 })

const DELIVERED = ['l2', 'ipip', 'gue', 'proxy']
const REASONS = [
  'passed',
  'malformed',
  'fragment',
  'noBackend',
  'ttl',
  'tooBig',
  'tooBigSilent',
  'noChecksum',
  'unsupported',
  'echo',
  'icmpError',
]

it(`${PACKETS} random packets through random worlds`, (context) => {
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
  for (const name of [...DELIVERED, ...REASONS]) expect(outcomes.get(name), `packets: ${name}`).toBeGreaterThan(100)
})
