import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { inBench } from './paths.js'

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread']

/** Program name → its C sources under bench/native/. */
const PROGRAMS: Record<string, string[]> = {
  udp_load: ['udp_load.c', 'load_flow.c', 'load_options.c', 'load_cpu.c'],
  echo_mmsg: ['echo_mmsg.c'],
  echo_msg: ['echo_msg.c'],
  flow_pick: ['flow_pick.c'],
  reply_trip: ['reply_trip.c'],
  connect_ports: [
    'connect_ports.c',
    'connect_options.c',
    'connect_socket.c',
    'connect_figures.c',
    'connect_tables.c',
    'connect_free.c',
  ],
  connect_sink: ['connect_sink.c', 'connect_tables.c', 'connect_free.c'],
}

const programPath = (name: string): string => inBench(`native/build/${name}`)

function newestSource(): number {
  const sources = readdirSync(inBench('native')).filter((file) => /\.[ch]$/.test(file))
  return Math.max(...sources.map((file) => statSync(inBench(`native/${file}`)).mtimeMs))
}

/** Compiles a C program unless it is newer than every source. Returns its path. */
export function nativeProgram(name: string): string {
  const path = programPath(name)
  const sources = PROGRAMS[name]
  if (!sources) throw new Error(`bench/native has no program '${name}'`)
  if (existsSync(path) && statSync(path).mtimeMs > newestSource()) return path
  mkdirSync(inBench('native/build'), { recursive: true })
  const fresh = `${path}.${process.pid}`
  execFileSync('cc', [...FLAGS, '-o', fresh, ...sources.map((file) => inBench(`native/${file}`))], { stdio: 'inherit' })
  // Renamed into place, so that two benchmarks that start together never run half a program.
  renameSync(fresh, path)
  return path
}
