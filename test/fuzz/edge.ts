// The edge's program against its model, for a chosen time: random packets through random worlds.
//
//   node --import tsx test/fuzz/edge.ts SECONDS CORPUS FINDINGS     what `npm run fuzz -- SECONDS edge` runs
//   node --import tsx test/fuzz/edge.ts FILE                        one mismatch again, that was found
//
// A seed makes a world and its packets; a mismatch is kept in FINDINGS, with all that it takes to see it again. CORPUS is not used:
// there is nothing to learn from an input that another seed would not make.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare, type Mismatch, PER_WORLD } from '../bpf/edge/compare.js'

/** Packets between two looks at the clock: a load of the program takes a tenth of a second, and serves all of them. */
const BATCH = 100 * PER_WORLD

function fuzz(seconds: number, findings: string): void {
  mkdirSync(findings, { recursive: true })
  const first = Date.now() % 2 ** 31
  console.error(`seed ${first}`)
  const outcomes = new Map<string, number>()
  const end = Date.now() + seconds * 1000
  let packets = 0
  while (Date.now() < end) {
    const round = compare(first + packets, BATCH)
    for (const [name, count] of round.outcomes) outcomes.set(name, (outcomes.get(name) ?? 0) + count)
    const [mismatch] = round.mismatches
    if (mismatch) keep(mismatch, findings)
    packets += BATCH
  }
  const list = [...outcomes].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ')
  console.log(`${packets.toLocaleString('en')} packets (${list}), no mismatch`)
}

function keep(mismatch: Mismatch, findings: string): never {
  const file = join(findings, `edge-${mismatch.seed}.json`)
  writeFileSync(file, JSON.stringify(mismatch, undefined, 2))
  console.error(mismatch)
  console.error(`Test unit written to ${file}`)
  process.exit(1)
}

function again(file: string): void {
  const { seed } = JSON.parse(readFileSync(file, 'utf8')) as Mismatch
  const { mismatches } = compare(seed, PER_WORLD)
  console.log(mismatches.length === 0 ? 'no mismatch' : mismatches[0])
  if (mismatches.length > 0) process.exitCode = 1
}

const [first = '', corpus, findings] = process.argv.slice(2)
if (corpus !== undefined && findings !== undefined) fuzz(Number(first), findings)
else again(first)
