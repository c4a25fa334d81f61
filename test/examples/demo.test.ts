// Runs the demo, as root with its part in namespaces and without, and checks what it found.

import { existsSync, readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Act } from '../../examples/demo/edge/story.js'
import type { Result } from '../../examples/demo/examine.js'
import { whyNoDataCenter } from '../../examples/netns/data-center.js'
import { whyMissing } from '../clients/programs.js'
import { Example } from './example.js'

/** What the demo may take once everything is set up, in milliseconds. */
const LIMIT = 20_000

interface Found {
  cured: boolean
  /** Whether the edge did what it should. */
  edged: boolean
  acts: Act[]
  results: Result[]
  skipped: { what: string; why: string }[]
}

vi.setConfig({ testTimeout: 3 * LIMIT })

const started: Example[] = []
function start(args: readonly string[], prefix: readonly string[] = []): Example {
  const demo = new Example('demo/run.ts', args, prefix)
  started.push(demo)
  return demo
}
afterEach(() => {
  for (const demo of started.splice(0)) demo.kill()
})
beforeEach((context) => {
  const missing = whyMissing('kdig') ?? whyMissing('dig')
  if (missing) context.skip(missing)
})

/** Namespaces that a process made and left. */
function namespacesOf(pid: number): string[] {
  if (!existsSync('/run/netns')) return []
  return readdirSync('/run/netns').filter((name) => name.startsWith(`udp-dsr-${pid}-`))
}

/** The cure works for every client and in every way, at 8 addresses or more; the bug is told as each client sees it. */
function check(results: readonly Result[]): void {
  const cure = results.filter(({ server }) => server !== 'node:dgram')
  expect(cure.filter(({ ok }) => !ok)).toEqual([])
  expect(cure.filter(({ asked, answeredFrom }) => asked !== answeredFrom)).toEqual([])
  expect(new Set(cure.map(({ server }) => server)).size).toBe(3)
  expect(new Set(cure.map(({ client }) => client)).size).toBe(3)
  expect(new Set(cure.map(({ asked }) => asked)).size).toBeGreaterThanOrEqual(8)

  const bug = results.filter(({ server, ok }) => server === 'node:dgram' && !ok)
  const problems = (client: string) => new Set(bug.filter((r) => r.client === client).map(({ problem }) => problem))
  expect(problems('kdig')).toEqual(new Set(['unexpected reply source']))
  expect(problems('dig')).toEqual(new Set(['timed out']))
  expect(problems('own client')).toEqual(new Set(['no answer']))
}

test('as an ordinary user it shows the part on loopback, and says what it skipped', async () => {
  // Root, too, is an ordinary user inside a user namespace that knows no root.
  const prefix = process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000'] : []
  const demo = start(['--json'], prefix)
  expect(await demo.ended()).toBe(0)
  const { cured, results, skipped }: Found = JSON.parse(demo.printed)
  expect(cured).toBe(true)
  check(results)
  const why = 'network namespaces need root'
  expect(skipped).toEqual([
    { what: 'the part in network namespaces', why },
    { what: 'the part with an edge', why },
  ])
})

describe('as root', () => {
  beforeEach((context) => {
    const missing = whyNoDataCenter()
    if (missing) context.skip(missing)
  })

  test('it shows all parts in time, and leaves nothing behind', async () => {
    const begin = Date.now()
    const demo = start(['--json'])
    expect(await demo.ended()).toBe(0)
    expect(Date.now() - begin).toBeLessThan(LIMIT)
    const { cured, edged, results, acts, skipped }: Found = JSON.parse(demo.printed)
    expect([cured, edged]).toEqual([true, true])
    expect(skipped).toEqual([])
    // node:dgram loses its flows in the first act, and nobody loses one later.
    const lost = acts.map(({ rows }) =>
      rows.filter(({ flows, answered }) => answered < flows).map(({ backend }) => backend),
    )
    expect(lost).toEqual([['c'], [], [], [], [], []])
    for (const { rows } of acts.slice(0, 2)) for (const { flows } of rows) expect(flows).toBeGreaterThan(5)
    expect(acts.map(({ moved }) => moved)).toEqual([0, 0, 0, 0, 0, 0])
    for (const place of ['loopback', 'namespaces']) check(results.filter((result) => result.place === place))
    expect(namespacesOf(demo.pid)).toEqual([])
  })

  test('for a person it prints tables, without colours where there is no terminal', async () => {
    const demo = start([])
    expect(await demo.ended()).toBe(0)
    expect(demo.printed).toMatch(/^ +127\.0\.0\.2 +127\.0\.0\.1 +✗ unexpected reply source +✗ timed out +✗ no answer$/m)
    expect(demo.printed).toMatch(/^ +127\.0\.0\.2 +127\.0\.0\.2 +✓ +✓ +✓$/m)
    expect(demo.printed).toMatch(/^ +2001:db8:51::2 +2001:db8:51::2 +✓ +✓ +✓$/m)
    expect(demo.printed).not.toContain('\u001b')
  })

  test('interrupted, it leaves nothing behind', async () => {
    const demo = start([])
    await demo.says(/In two network namespaces/, LIMIT)
    expect(namespacesOf(demo.pid)).toHaveLength(2)
    expect(await demo.interrupt()).toBe(130)
    expect(namespacesOf(demo.pid)).toEqual([])
  })

  test('interrupted behind the edge, too', async () => {
    const demo = start([])
    await demo.says(/Three backends, of which two/, LIMIT)
    expect(namespacesOf(demo.pid)).toHaveLength(6)
    expect(await demo.interrupt()).toBe(130)
    expect(namespacesOf(demo.pid)).toEqual([])
  })
})
