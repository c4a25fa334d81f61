import { command, type Finished, findCommand } from '../../examples/netns/index.js'

/** Client programs, and the Debian packages that bring them. */
const PACKAGES = {
  kdig: 'knot-dnsutils',
  dig: 'bind9-dnsutils',
  socat: 'socat',
  // There are several programs of the name nc.
  'nc.openbsd': 'netcat-openbsd',
  iperf3: 'iperf3',
} as const

export type Program = keyof typeof PACKAGES

/** Why a test with this program cannot run here, or undefined. */
export function whyMissing(program: Program): string | undefined {
  return findCommand(program) ? undefined : `needs the program ${program} (package ${PACKAGES[program]})`
}

/** Runs a client to its end. */
export function run(program: Program, args: readonly string[], input = '', timeout = 10_000): Promise<Finished> {
  return command(program, args, { input, timeout })
}
