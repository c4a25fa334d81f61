import { getSystemErrorName } from 'node:util'
import { describeProgram } from '../../bpf/program.js'
import { BPF_PROG_GET_FD_BY_ID } from '../../internal/linux.js'
import { thread } from '../../internal/thread.js'

/** The XDP program of an interface. `name` is undefined where this process may not ask for it. */
export interface XdpProgram {
  id: number
  name: string | undefined
}

/** Undefined when the interface has none. @throws Error when the kernel does not say */
export function xdpProgramOf(ifindex: number): XdpProgram | undefined {
  const { bpf, netlink } = thread().addon
  const id = netlink.xdpProgram(ifindex)
  if (id < 0) throw new Error(`asking for the XDP program: ${getSystemErrorName(id)}`)
  if (id === 0) return undefined
  const fd = bpf.byId(BPF_PROG_GET_FD_BY_ID, id)
  if (fd < 0) return { id, name: undefined }
  try {
    return { id, name: describeProgram(fd).name }
  } finally {
    bpf.close(fd)
  }
}
