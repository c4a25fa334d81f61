import { release } from 'node:os'
import { olderThan } from '../../bpf/kernel.js'
import { bpfFilesystemFault } from '../../internal/bpf-filesystem.js'
import { error, type Outcome, warning } from '../finding.js'
import { readText, sysctlNumber } from '../host/files.js'
import type { Situation } from '../options.js'
import type { Check } from './check.js'
import { usesXdp } from './data-plane.js'

/** What kernels have by default (net/core/sock.c, SK_RMEM_MAX: 256 buffers with a small packet and its administration). */
const USUAL_RMEM_MAX = 212_992
/** Descriptors: a server needs few, but fewer than the usual limit are a mistake. */
const USUAL_FILES = 1024
/** Since then maps count against the memory of the control group, not against this limit. */
const NO_MEMLOCK_SINCE = '5.11'
/** Bytes that the edge's maps take with the default limits, roughly. */
const MAPS_BYTES = 64 * 2 ** 20

/** Limits of the kernel and of this process. */
export const limits: Check = {
  id: 'limits',
  title: 'the limits of the kernel and of this process suffice',
  applies: () => true,
  look: (situation) => [
    ...compiler(situation),
    ...receiveBuffer(situation),
    ...files(),
    ...lockedMemory(situation, release(), limit('Max locked memory')),
    ...pins(situation),
  ],
}

function compiler(situation: Situation): Outcome[] {
  if (!usesXdp(situation) || sysctlNumber('net/core/bpf_jit_enable') !== 0) return []
  const detail = 'net.core.bpf_jit_enable is 0: programs are interpreted, several times slower.'
  return [warning('BPF programs are not compiled', detail, 'sysctl -w net.core.bpf_jit_enable=1')]
}

function receiveBuffer({ role }: Situation): Outcome[] {
  const most = sysctlNumber('net/core/rmem_max')
  if (role !== 'backend' || most === undefined || most >= USUAL_RMEM_MAX) return []
  const detail = `net.core.rmem_max is ${most}, usually ${USUAL_RMEM_MAX}: short bursts overflow a socket.`
  return [
    warning('Sockets may have small receive buffers only', detail, `sysctl -w net.core.rmem_max=${USUAL_RMEM_MAX}`),
  ]
}

function files(): Outcome[] {
  const most = limit('Max open files')
  if (most === undefined || most >= USUAL_FILES) return []
  const detail = `"Max open files" in /proc/self/limits is ${most}.`
  return [
    warning('This process may open few files and sockets', detail, `ulimit -n ${USUAL_FILES}  # systemd: LimitNOFILE=`),
  ]
}

/** @param running the kernel's release @param most RLIMIT_MEMLOCK in bytes @internal */
export function lockedMemory(situation: Situation, running: string, most: number | undefined): Outcome[] {
  if (!usesXdp(situation) || !olderThan(NO_MEMLOCK_SINCE, running) || most === undefined || most >= MAPS_BYTES)
    return []
  const detail = `"Max locked memory" is ${most} bytes, and before Linux ${NO_MEMLOCK_SINCE} BPF maps count against it.`
  return [
    error(
      'BPF maps do not fit into the limit of locked memory',
      detail,
      'ulimit -l unlimited  # systemd: LimitMEMLOCK=infinity',
    ),
  ]
}

function pins({ pinPath }: Situation): Outcome[] {
  if (pinPath === undefined) return []
  const fault = bpfFilesystemFault(pinPath)
  if (fault === undefined) return []
  if (fault.kind === 'access') {
    const detail = `This process may not write to ${fault.place}.`
    return [error(`No pins can be made below ${pinPath}`, detail, `mkdir -p ${pinPath} && chown USER ${pinPath}`)]
  }
  const detail = `${fault.place} is no BPF filesystem.`
  return [error(`No pins can be made below ${pinPath}`, detail, `mount -t bpf bpf ${fault.place}`)]
}

/** The soft limit of this process; undefined when there is none. */
function limit(name: string): number | undefined {
  const value = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(readText('/proc/self/limits') ?? '')?.[1]
  return value === undefined ? undefined : Number(value)
}
