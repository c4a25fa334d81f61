import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { inBench } from '../harness/paths.js'
import { median } from '../harness/statistics.js'
import type { Lab } from './lab.js'
import type { Progress } from './native.js'

/** Several processes that all want the same UDP 4-tuples. */
export interface RaceCase {
  part: 'race'
  case: string
  title: string
  processes: number
  tuples: number
  /** Tuples that two or more processes say they own, and those that the kernel lists twice or more. */
  doubled: number
  doubledInKernel: number
  /** Tuples that nobody got. */
  missing: number
  errors: Record<string, number>
  /** Attempts a second of all processes together. */
  rate: number
}

/** A UDP socket on each port of a range. */
export interface WindowCase {
  part: 'window'
  case: string
  ports: number
  /** Milliseconds by rounds. */
  window: number[]
  werift: number[]
}

const PROCESSES = 4
const PORTS = 1000
const DESTINATIONS = 4
const RACERS = { ours: 'udp-dsr connectUdp', dgram: 'node:dgram, reuseAddr' }

export async function raceCases(lab: Lab, progress: Progress): Promise<RaceCase[]> {
  const cases: RaceCase[] = []
  for (const [how, title] of Object.entries(RACERS)) {
    const result = await race(lab, how, title)
    progress(`race  ${title}  ${result.doubled} of ${result.tuples} tuples owned twice`)
    cases.push(result)
  }
  return cases
}

async function race(lab: Lab, how: string, title: string): Promise<RaceCase> {
  const racers = Array.from({ length: PROCESSES }, () => {
    const args = [inBench('connect/race.mjs'), how, PORTS, DESTINATIONS].map(String)
    const child = lab.start(undefined, process.execPath, args)
    child.stderr?.pipe(process.stderr)
    return { child, lines: createInterface(child.stdout!)[Symbol.asyncIterator]() }
  })
  await Promise.all(racers.map(({ lines }) => lines.next())) // ready
  for (const { child } of racers) child.stdin?.write('go\n')
  const results = await Promise.all(
    racers.map(async ({ lines }) => {
      const { value } = await lines.next()
      return JSON.parse(value ?? '') as { owned: number[]; errors: Record<string, number>; seconds: number }
    }),
  )
  const { stdout } = await lab.namespace.run('cat', ['/proc/net/udp'])
  for (const { child } of racers) {
    const closed = once(child, 'close')
    child.stdin?.end()
    await closed
  }
  const tuples = PORTS * DESTINATIONS
  const owners = new Uint32Array(tuples)
  const errors: Record<string, number> = {}
  for (const result of results) {
    for (const index of result.owned) owners[index] = (owners[index] ?? 0) + 1
    for (const [code, count] of Object.entries(result.errors)) errors[code] = (errors[code] ?? 0) + count
  }
  return {
    part: 'race',
    case: `race-${how}`,
    title,
    processes: PROCESSES,
    tuples,
    doubled: owners.filter((count) => count > 1).length,
    doubledInKernel: doubledTuples(stdout),
    missing: owners.filter((count) => count === 0).length,
    errors,
    rate: (PROCESSES * tuples) / Math.max(...results.map(({ seconds }) => seconds)),
  }
}

/** Connected sockets of /proc/net/udp (proc(5)): those pairs of addresses that are there more than once. */
function doubledTuples(listing: string): number {
  const counts = new Map<string, number>()
  for (const line of listing.split('\n').slice(1)) {
    const [, local, remote, state] = line.trim().split(/\s+/)
    if (state === '01') counts.set(`${local} ${remote}`, (counts.get(`${local} ${remote}`) ?? 0) + 1)
  }
  return [...counts.values()].filter((count) => count > 1).length
}

export async function windowCase(lab: Lab, rounds: number, progress: Progress): Promise<WindowCase> {
  progress(`PortWindow and werift: ${PORTS} ports`)
  type Result = { milliseconds: number; ports: number }
  const args = [inBench('connect/fill-window.mjs'), `${rounds}`, `${PORTS}`]
  const [results] = (await lab.measure(process.execPath, args)) as [{ werift: Result; window: Result }[]]
  const short = results.flatMap(({ werift, window }) => [werift, window]).find(({ ports }) => ports !== PORTS)
  if (short) throw new Error(`only ${short.ports} of ${PORTS} ports were bound`)
  return {
    part: 'window',
    case: 'window-fill',
    ports: PORTS,
    window: results.map(({ window }) => window.milliseconds),
    werift: results.map(({ werift }) => werift.milliseconds),
  }
}

/** How many times faster PortWindow was: the median of the rounds' ratios. */
export const timesFaster = ({ window, werift }: WindowCase): number =>
  median(werift.map((milliseconds, i) => milliseconds / (window[i] ?? Number.NaN)))
