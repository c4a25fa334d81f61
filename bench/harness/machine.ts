import { readdirSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'

/** What a reader must know to compare two reports. */
export interface Machine {
  cpu: string
  cpus: number
  kernel: string
  node: string
  /** Work that other programs gave the machine as the benchmark began (1-minute load average). */
  loadBefore: number
  /** Mitigations that the kernel applies or lacks; they change the price of every kernel function. */
  mitigations: Record<string, string>
  /** Largest receive buffer that a program may ask for, bytes (`net.core.rmem_max`). */
  rmemMax: number
}

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities'

function mitigations(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(VULNERABILITIES)) {
    const state = readFileSync(`${VULNERABILITIES}/${name}`, 'utf8').trim()
    if (state !== 'Not affected') found[name] = state
  }
  return found
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    kernel: release(),
    node: process.version,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
    mitigations: mitigations(),
    rmemMax: Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8')),
  }
}

/** Expands `0-2,5` (cpuset(7), "List format"). */
function parseCpuList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [low = 0, high = low] = range.split('-').map(Number)
    return Array.from({ length: high - low + 1 }, (_, i) => low + i)
  })
}

/** Two cores that this process may use: the first runs the server, the second the load. */
export function benchmarkCores(): { server: number; load: number } {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const [server, load] = parseCpuList(list)
  if (server === undefined || load === undefined) {
    throw new Error(`this benchmark needs two CPUs, one for the server and one for the load; allowed here: '${list}'`)
  }
  return { server, load }
}
