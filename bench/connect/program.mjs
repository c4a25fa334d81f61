// Opens connections for a while, some at a time, and prints what came of it:
//   program.mjs CONTENDER HOST PORT IN_FLIGHT WARM_UP_MS MS
import { contenders } from './contenders.mjs'
import { holdOwn } from './own.mjs'

const [name, host, port, inFlight, warmUp, milliseconds] = process.argv.slice(2)
const to = { host, port: Number(port) }
const open = name === 'connect-own' ? await holdOwn(to) : contenders[name](to, Number(inFlight))

/** Keeps so many going until the time is over. @returns microseconds of each, and failures by code */
async function run(duration) {
  const end = performance.now() + duration
  const microseconds = []
  const errors = {}
  const one = async () => {
    while (performance.now() < end) {
      const before = performance.now()
      try {
        await open()
        microseconds.push((performance.now() - before) * 1000)
      } catch (error) {
        const code = error.code ?? error.name
        errors[code] = (errors[code] ?? 0) + 1
      }
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, one))
  return { microseconds, errors }
}

await run(Number(warmUp))
const before = performance.now()
const cpuBefore = process.cpuUsage()
const { microseconds, errors } = await run(Number(milliseconds))
const seconds = (performance.now() - before) / 1000
const { user, system } = process.cpuUsage(cpuBefore)

const sorted = microseconds.sort((a, b) => a - b)
const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
const count = sorted.length
console.log(
  JSON.stringify({
    count,
    rate: count / seconds,
    cpuUs: (user + system) / count,
    p50us: at(0.5),
    p99us: at(0.99),
    errors,
  }),
)
process.exit() // agents may hold sockets
