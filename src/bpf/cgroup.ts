import { closeSync, constants, openSync } from 'node:fs'
import { constants as system } from 'node:os'
import { bpfFailed, noControlGroup } from '../errors.js'
import { BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG } from '../internal/linux.js'
import { BpfLink, linkRefused } from './link.js'
import type { BpfProgram } from './program.js'

const { EBADF } = system.errno

const ATTACH_TYPES = { sendmsg4: BPF_CGROUP_UDP4_SENDMSG, sendmsg6: BPF_CGROUP_UDP6_SENDMSG } as const

export interface CgroupOptions {
  program: BpfProgram
  /** Directory of a control group (cgroup v2): `/sys/fs/cgroup/my.service`. */
  cgroup: string
  hook: keyof typeof ATTACH_TYPES
}

/**
 * Attaches a program to what the processes of a control group, and of those below it, send. Linux 5.7.
 *
 * @throws BpfError ERR_BPF_PERMISSION, ERR_BPF_SYSTEM; UnsupportedKernelError
 */
export function attachCgroup({ program, cgroup, hook }: CgroupOptions): BpfLink {
  const folder = open(cgroup)
  try {
    const link = BpfLink.create(program, folder, ATTACH_TYPES[hook], 0)
    if (link === -EBADF) throw noControlGroup(cgroup)
    if (typeof link === 'number') {
      throw linkRefused(-link, `attach the program ${program.name} to ${cgroup}`, cgroup, 'control group links', '5.7')
    }
    return link
  } finally {
    closeSync(folder)
  }
}

function open(cgroup: string): number {
  try {
    return openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException
    throw bpfFailed(-errno!, `open the control group ${cgroup}`)
  }
}
