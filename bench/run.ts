// `npm run bench -- NAME [--json] [--quick] [options]`; without a name it lists what there is.
import { parseArgs } from 'node:util'
import { connect } from './connect.js'
import { fleet } from './fleet.js'
import { forward } from './forward.js'
import { type Benchmark, type Options, UsageError } from './harness/benchmark.js'
import { goalTable } from './harness/report.js'
import { memory } from './memory.js'
import { pinning } from './pinning.js'
import { proxy } from './proxy.js'
import { reply } from './reply.js'
import { socket } from './socket.js'
import { xdp } from './xdp.js'

const BENCHMARKS: readonly Benchmark[] = [
  socket as Benchmark,
  proxy as Benchmark,
  pinning as Benchmark,
  connect as Benchmark,
  xdp as Benchmark,
  forward as Benchmark,
  reply as Benchmark,
  fleet as Benchmark,
  memory as Benchmark,
]

const COMMON = { json: { type: 'boolean' }, quick: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

function list(): string {
  const lines = BENCHMARKS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`)
  return ['usage: npm run bench -- NAME [--json] [--quick] [options]', '', ...lines].join('\n')
}

function help({ name, summary, help: lines }: Benchmark): string {
  const common = ['--json          one JSON object on stdout', '--quick         rough numbers, in about a minute']
  return [`${name}: ${summary}`, '', ...[...common, ...lines].map((line) => `  ${line}`)].join('\n')
}

function parse(benchmark: Benchmark, args: string[]): Options {
  try {
    return parseArgs({ args, options: { ...benchmark.options, ...COMMON } }).values as Options
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${help(benchmark)}`)
  }
}

async function main([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h') {
    console.log(list())
    return
  }
  const benchmark = BENCHMARKS.find((candidate) => candidate.name === name)
  if (!benchmark) throw new UsageError(`no benchmark '${name}'\n\n${list()}`)
  const options = parse(benchmark, args)
  if (options.help) {
    console.log(help(benchmark))
    return
  }
  const report = await benchmark.run(options, (what) => console.error(what))
  if (options.json) {
    console.log(JSON.stringify(report))
  } else {
    console.log(`\n${benchmark.render(report)}\n\n${goalTable(report.goals)}`)
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
