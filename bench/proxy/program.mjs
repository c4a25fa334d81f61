// Measures one case and prints the result: program.mjs CASE ROUNDS MILLISECONDS
import { decoders, encoders } from './contenders.mjs'
import { samples } from './headers.mjs'

/** Bytes of payload behind each header of a datagram, as in the benchmark `socket`. */
const PAYLOAD = 512
/** Calls between two looks at the clock. */
const SLICE = 2000

const payload = new Uint8Array(PAYLOAD).fill(0x55)
const JOBS = {
  decode: (input) => decoders(input, 'Uint8Array', payload),
  'decode-buffer': (input) => decoders(input, 'Buffer', payload),
  'decode-alone': (input) => decoders(input, 'Uint8Array', new Uint8Array(0)),
  encode: encoders,
}

/** What the loops gave, so that no compiler finds them useless. */
let kept = 0

/**
 * Measures every contender once a round, each round beginning with another one, after a round that does not count:
 * what the machine does meanwhile falls on all of them alike. Returns nanoseconds a header, by contender and round.
 */
function measure(contenders, rounds, milliseconds) {
  const times = contenders.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + 1 + turn) % contenders.length
      const ns = time(contenders[index], milliseconds)
      if (round >= 0) times[index].push(ns)
    }
  }
  return times
}

/** Nanoseconds a header, with the collecting of garbage that it costs. */
function time({ loop }, milliseconds) {
  const start = process.hrtime.bigint()
  const end = start + BigInt(Math.round(milliseconds * 1e6))
  let now = start
  let count = 0
  while (now < end) {
    kept += loop(SLICE)
    count += SLICE
    now = process.hrtime.bigint()
  }
  return Number(now - start) / count
}

function faultOf({ fault }, input) {
  try {
    return input.map(fault).find((text) => text !== '') ?? ''
  } catch (error) {
    return `throws ${error}`
  }
}

const [name, rounds, milliseconds] = process.argv.slice(2)
const [, job, count] = /^(.+)-([03])$/.exec(name)
const input = samples(Number(count))
const contenders = JOBS[job](input)
const faults = contenders.map((contender) => faultOf(contender, input))
const times = measure(contenders, Number(rounds), Number(milliseconds))
const results = contenders.map(({ id, title }, i) => ({ id, title, rounds: times[i], fault: faults[i] }))
if (!Number.isFinite(kept)) throw new Error('a contender gave no number')
console.log(JSON.stringify({ bytes: input[0].bytes.length, results }))
