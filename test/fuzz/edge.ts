// The edge's program against its model, for a chosen time: random packets through random worlds, with and without options.
//
//   node --import tsx test/fuzz/edge.ts SECONDS CORPUS FINDINGS     what `npm run fuzz -- SECONDS edge` runs
//   node --import tsx test/fuzz/edge.ts FILE                        one mismatch again, that was found
//
// A seed makes a world and its packets; a mismatch is kept in FINDINGS, with all that it takes to see it again. CORPUS is not used:
// there is nothing to learn from an input that another seed would not make.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare, PER_WORLD } from '../bpf/edge/compare.js'
import { compareInNamespace, PER_EDGE } from '../bpf/edge/compare-options.js'
import { whyNoRoutes } from '../bpf/edge/namespace.js'
import type { Comparison, Mismatch } from '../bpf/edge/trial.js'

/** A way to compare, and the packets that one seed makes. */
interface Kind {
  compare(seed: number, packets: number): Comparison
  perSeed: number
  /** Packets between two looks at the clock: a load of the program takes a tenth of a second, and serves many of them. */
  batch: number
}

const KINDS: Record<string, Kind> = {
  plain: { compare, perSeed: PER_WORLD, batch: 100 * PER_WORLD },
  options: { compare: compareInNamespace, perSeed: PER_EDGE, batch: 8 * PER_EDGE },
}

interface Finding extends Mismatch {
  kind: string
}

function fuzz(seconds: number, findings: string): void {
  mkdirSync(findings, { recursive: true })
  const missing = whyNoRoutes()
  if (missing) console.error(`without options: ${missing}`)
  const kinds = Object.entries(KINDS).filter(([kind]) => kind === 'plain' || !missing)
  const first = Date.now() % 2 ** 31
  console.error(`seed ${first}`)
  const outcomes = new Map<string, number>()
  const end = Date.now() + seconds * 1000
  let packets = 0
  for (let seed = first; Date.now() < end; ) {
    for (const [kind, { compare, batch }] of kinds) {
      const round = compare(seed, batch)
      for (const [name, count] of round.outcomes) outcomes.set(name, (outcomes.get(name) ?? 0) + count)
      const [mismatch] = round.mismatches
      if (mismatch) keep({ kind, ...mismatch }, findings)
      packets += batch
      seed += batch
    }
  }
  const list = [...outcomes].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ')
  console.log(`${packets.toLocaleString('en')} packets (${list}), no mismatch`)
}

function keep(finding: Finding, findings: string): never {
  const file = join(findings, `edge-${finding.kind}-${finding.seed}.json`)
  writeFileSync(file, JSON.stringify(finding, undefined, 2))
  console.error(finding)
  console.error(`Test unit written to ${file}`)
  process.exit(1)
}

function again(file: string): void {
  const { kind, seed } = JSON.parse(readFileSync(file, 'utf8')) as Finding
  const { compare, perSeed } = KINDS[kind]!
  const { mismatches } = compare(seed, perSeed)
  console.log(mismatches.length === 0 ? 'no mismatch' : mismatches[0])
  if (mismatches.length > 0) process.exitCode = 1
}

const [first = '', corpus, findings] = process.argv.slice(2)
if (corpus !== undefined && findings !== undefined) fuzz(Number(first), findings)
else again(first)
