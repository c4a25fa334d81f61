// The source rewrite's programs against their model, for a chosen time: random requests and replies.
//
//   node --import tsx test/fuzz/rewrite.ts SECONDS CORPUS FINDINGS     what `npm run fuzz -- SECONDS rewrite` runs
//   node --import tsx test/fuzz/rewrite.ts FILE                        a round again in which a mismatch was found
//
// A round has its seed and memories that start empty. CORPUS is not used: there is nothing to learn from an input that another seed
// would not make.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare, type Mismatch } from '../bpf/rewrite/compare.js'

/** Packets of a round, between two looks at the clock. */
const ROUND = 20_000

function fuzz(seconds: number, findings: string): void {
  mkdirSync(findings, { recursive: true })
  const first = Date.now() % 2 ** 31
  console.error(`seed ${first}`)
  const outcomes = new Map<string, number>()
  const end = Date.now() + seconds * 1000
  let rounds = 0
  while (Date.now() < end) {
    // Neighbours would be alike: the generator sets the lowest bit of its seed.
    const round = compare(first + 2 * rounds++, ROUND)
    for (const [name, count] of round.outcomes) outcomes.set(name, (outcomes.get(name) ?? 0) + count)
    const [mismatch] = round.mismatches
    if (mismatch) keep(mismatch, findings)
  }
  const list = [...outcomes].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ')
  console.log(`${(rounds * ROUND).toLocaleString('en')} packets (${list}), no mismatch`)
}

function keep(mismatch: Mismatch, findings: string): never {
  const file = join(findings, `rewrite-${mismatch.seed}.json`)
  writeFileSync(file, JSON.stringify(mismatch, undefined, 2))
  console.error(mismatch)
  console.error(`Test unit written to ${file}`)
  process.exit(1)
}

function again(file: string): void {
  const { seed } = JSON.parse(readFileSync(file, 'utf8')) as Mismatch
  const { mismatches } = compare(seed, ROUND)
  console.log(mismatches.length === 0 ? 'no mismatch' : mismatches[0])
  if (mismatches.length > 0) process.exitCode = 1
}

const [first = '', corpus, findings] = process.argv.slice(2)
if (corpus !== undefined && findings !== undefined) fuzz(Number(first), findings)
else again(first)
