import { spawn } from 'node:child_process'
import { nativeProgram } from './native.js'
import { track } from './processes.js'

/** Which traffic the load generator makes; times in seconds, sizes in bytes. */
export interface Load {
  flows: number
  /** Datagrams outstanding per flow. */
  window: number
  size: number
  /** Datagrams per UDP_SEGMENT send; absent: ordinary datagrams. */
  gso?: number
}

export interface LoadRun extends Load {
  targets: string[]
  /** A PROXY v2 header before each payload. */
  proxied?: boolean
  seconds: number
  warmup: number
  /** End after this many echoes, if the time is not over before. */
  count?: number
  timeoutMs?: number
  /** The server, whose CPU time is measured. */
  serverPid: number
  core: number
}

/** The load generator's line of JSON. */
export interface LoadResult {
  echoes: number
  seconds: number
  /** Echoes per second. */
  rate: number
  p50us: number
  p99us: number
  maxus: number
  lost: number
  /** Answered after the timeout: slow, not lost. */
  late: number
  corrupt: number
  /** Share of the generator's reads that found nothing: its reserve. */
  idle: number
  /** CPU time of the server while measuring. */
  cpuSeconds: number
  /** What other programs took of the two cores, as a share of one core. */
  others: number
}

const GRACE_SECONDS = 15

export async function runLoad(run: LoadRun): Promise<LoadResult> {
  const values: Record<string, string | number | undefined> = {
    target: run.targets.join(','),
    flows: run.flows,
    window: run.window,
    size: run.size,
    seconds: run.seconds,
    warmup: run.warmup,
    count: run.count,
    timeout: run.timeoutMs,
    gso: run.gso,
    'cpu-of': run.serverPid,
  }
  const args = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, `${value}`]))
  if (run.proxied) args.push('--proxied')
  const child = track(spawn('taskset', ['-c', `${run.core}`, nativeProgram('udp_load'), ...args]))
  const deadline = setTimeout(() => child.kill('SIGKILL'), (run.seconds + run.warmup + GRACE_SECONDS) * 1000)
  let out = ''
  let problems = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    problems += chunk
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  clearTimeout(deadline)
  if (code !== 0) throw new Error(`the load generator failed (${code}): ${problems.trim()}`)
  return JSON.parse(out) as LoadResult
}
