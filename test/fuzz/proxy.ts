// Fuzzer of the PROXY codec: bytes that are nearly headers, for a chosen time.
//
//   node --import tsx test/fuzz/proxy.ts SECONDS CORPUS FINDINGS     what `npm run fuzz -- SECONDS proxy` runs
//   node --import tsx test/fuzz/proxy.ts FILE                        one input again, that was found to break something
//
// Inputs are made from those of test/vectors/proxy.json and of the folder CORPUS. One whose outcome is new is added there.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { invalidVectors, validVectors } from '../proxy/vectors.js'
import { check } from './proxy/check.js'
import { Mutator } from './proxy/mutator.js'

/** Inputs between two looks at the clock. */
const BATCH = 256

/** Checks an input; one that breaks something is kept, and the program ends. */
function tryInput(input: Uint8Array, findings: string): string {
  try {
    return check(input)
  } catch (error) {
    const file = join(findings, `proxy-${nameOf(input)}`)
    writeFileSync(file, input)
    console.error(error)
    console.error(`Test unit written to ${file}`)
    process.exit(1)
  }
}

function nameOf(input: Uint8Array): string {
  return createHash('sha1').update(input).digest('hex')
}

function fuzz(seconds: number, folder: string, findings: string): void {
  for (const path of [folder, findings]) mkdirSync(path, { recursive: true })
  const seed = Date.now() >>> 0
  console.error(`seed ${seed}`)
  const corpus: Uint8Array[] = [...validVectors, ...invalidVectors].map(({ bytes }) => bytes)
  for (const file of readdirSync(folder)) corpus.push(readFileSync(join(folder, file)))
  const known = new Set(corpus.map((input) => tryInput(input, findings)))
  const mutator = new Mutator(seed, corpus)
  const end = Date.now() + seconds * 1000
  let count = 0
  let added = 0
  while (Date.now() < end) {
    for (let i = 0; i < BATCH; i++) {
      const input = mutator.next()
      const outcome = tryInput(input, findings)
      count++
      if (known.has(outcome)) continue
      known.add(outcome)
      corpus.push(input)
      writeFileSync(join(folder, nameOf(input)), input)
      added++
    }
  }
  const inputs = count.toLocaleString('en')
  console.log(`${inputs} inputs, ${known.size} outcomes, corpus of ${corpus.length} (${added} new), no fault`)
}

const [first = '', corpus, findings] = process.argv.slice(2)
if (corpus !== undefined && findings !== undefined) fuzz(Number(first), corpus, findings)
else console.log(check(readFileSync(first)))
