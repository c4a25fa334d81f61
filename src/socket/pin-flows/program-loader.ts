import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError, unsupportedKernel } from '../../errors.js'
import * as linux from '../../internal/linux.js'
import { thread } from '../../internal/thread.js'
import { INSTRUCTIONS, MAP_LOADS } from './program.js'

const { EACCES, EINVAL, EPERM } = constants.errno

/** First Linux version for which `pinFlows` is meant: it has CAP_BPF; the program itself needs 5.3. */
export const PIN_FLOWS_SINCE = '5.8'

/** Places of a group: `PLACES` of bpf/pin_flows.bpf.c. */
export const PLACES = 64

/** Bytes of `struct pin_group` in bpf/pin_flows.bpf.c. */
export const GROUP_BYTES = 24

/** Descriptors of a group's maps. */
export interface GroupMaps {
  group: number
  sockets: number
}

/** Makes a map of a group, empty. @throws SystemError EPERM, UnsupportedKernelError */
export function createMap(name: keyof GroupMaps): number {
  const { bpf } = thread().addon
  const fd =
    name === 'group'
      ? bpf.createMap(linux.BPF_MAP_TYPE_ARRAY, 4, GROUP_BYTES, 1, 0, 'dsr_group')
      : // Values are cookies of sockets, which are 8 bytes long (kernel/bpf/reuseport_array.c).
        bpf.createMap(linux.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, PLACES, 0, 'dsr_sockets')
  if (fd < 0) throw refused(-fd)
  return fd
}

/** Loads the program over a group's maps; the caller closes what is returned. @throws SystemError, UnsupportedKernelError */
export function loadProgram(maps: GroupMaps): number {
  const instructions = Buffer.from(INSTRUCTIONS, 'base64')
  for (const name of ['group', 'sockets'] as const) {
    for (const at of MAP_LOADS[name]) {
      // struct bpf_insn: the source register is the high half of the second byte, the constant the second word.
      instructions[at + 1] = (instructions[at + 1]! & 0x0f) | (linux.BPF_PSEUDO_MAP_FD << 4)
      instructions.writeInt32LE(maps[name], at + 4)
    }
  }
  const type = linux.BPF_PROG_TYPE_SK_REUSEPORT
  const fd = thread().addon.bpf.loadProgram(type, instructions, 'dsr_pin_flows', 0, 0, undefined)
  if (fd < 0) throw refused(-fd)
  return fd
}

let loadedBefore = false

/**
 * Finds out whether this process may load the program. When it could once it is not tried again.
 *
 * @throws SystemError EPERM, UnsupportedKernelError
 */
export function checkProgram(): void {
  if (loadedBefore) return
  const open: number[] = []
  try {
    const group = open[open.push(createMap('group')) - 1]!
    const sockets = open[open.push(createMap('sockets')) - 1]!
    open.push(loadProgram({ group, sockets }))
    loadedBefore = true
  } finally {
    for (const fd of open) thread().addon.bpf.close(fd)
  }
}

/** What the kernel's refusal means. Without CAP_PERFMON it has several names: the verifier then gives up on loops. */
function refused(errno: number): Error {
  const option = 'pinFlows'
  if (errno === EPERM || errno === EACCES || !mayLoad()) return systemError(EPERM, 'bpf', { option })
  const cause = systemError(errno, 'bpf', { option })
  return errno === EINVAL ? unsupportedKernel(option, PIN_FLOWS_SINCE, cause) : cause
}

/** Whether this thread has CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, which stands for both (capabilities(7)). */
function mayLoad(): boolean {
  const status = readFileSync('/proc/thread-self/status', 'utf8')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n
  return has(linux.CAP_SYS_ADMIN) || (has(linux.CAP_BPF) && has(linux.CAP_PERFMON))
}
