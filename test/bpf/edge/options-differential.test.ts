import { expect, it, vi } from 'vitest'
import { compareInNamespace } from './compare-options.js'
import { whyNoRoutes } from './namespace.js'

/**
 * The edge in the kernel against the model, with a random subset of the options in each program: flow table, draining, QUIC, learned
 * ports, return path, routes. Worlds follow each other over one memory.
 */

const PACKETS = 100_000
vi.setConfig({ testTimeout: 120_000 })

const TUNNELS = ['ipip', 'gue'].flatMap((kind) =>
  ['4 in 4', '6 in 4', '4 in 6', '6 in 6'].map((families) => `reply: ${kind} ${families}`),
)

/** What must have been seen more than so many times; who decided counts where the pool's table says something else. */
const SEEN: Readonly<Record<number, readonly string[]>> = {
  500: [
    // What there is without options, beside them.
    ...['l2', 'ipip', 'gue', 'proxy', 'passed', 'malformed', 'fragment', 'noBackend', 'ttl', 'tooBig', 'icmpError'],
    ...['returned', 'untrusted', 'notOurs', 'noRoute'],
    ...TUNNELS,
    ...['reply: returned', 'reply: left to the host', 'reply: noRoute', 'reply: ttl'],
    ...['reply: taught', 'reply: fragment', 'reply: congestion told'],
    'chosen: by port',
  ],
  50: [
    ...['noChecksum', 'echo', 'unsupported', 'reply: congestion not told'],
    ...['chosen: by memory', 'flow forgotten'],
    ...['chosen: by learn', 'chosen: by hold', 'not held'],
    ...['chosen: by name', 'QUIC: no ID', 'QUIC: no configuration', 'QUIC: nobody'],
    ...['routed: found', 'routed: none', 'routed: byHost', 'routed: l2'],
    ...['error: by port', 'error: by memory'],
  ],
  20: ['port forgotten', 'error: by hold', 'error: by learn'],
}

it(`${PACKETS} random packets through random worlds with options`, (context) => {
  const missing = whyNoRoutes()
  if (missing) context.skip(missing)
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const { outcomes, mismatches } = compareInNamespace(seed, PACKETS)
  // Repeat with UDP_DSR_SEED=…
  expect({ seed, mismatches: mismatches.length, first: mismatches.slice(0, 2) }).toEqual({
    seed,
    mismatches: 0,
    first: [],
  })
  for (const [least, names] of Object.entries(SEEN)) {
    for (const name of names) expect(outcomes.get(name) ?? 0, `packets: ${name}`).toBeGreaterThan(Number(least))
  }
})
