import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { hookBusy, noInterface, noNativeXdp } from '../errors.js'
import { BPF_PROG_GET_FD_BY_ID, BPF_XDP, XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE } from '../internal/linux.js'
import { thread } from '../internal/thread.js'
import type { NetworkInterface } from './interface.js'
import { BpfLink, linkRefused } from './link.js'
import { type BpfProgram, describeProgram } from './program.js'

const { EBUSY, EEXIST, EOPNOTSUPP, EINVAL, ERANGE, ENOMEM } = constants.errno

/**
 * Where a program runs: in the driver (`native`), or in the network stack for drivers that cannot (`generic`: several times
 * slower, since the kernel has made its own form of the packet by then).
 */
export type XdpMode = 'native' | 'generic'

/** Why a driver says no: it has no XDP, the MTU is too large for it, its settings do not allow it. */
const DRIVER_REFUSES: readonly number[] = [EOPNOTSUPP, EINVAL, ERANGE, ENOMEM]

export interface XdpOptions {
  program: BpfProgram
  interface: NetworkInterface
  /** `auto`: native where the driver can, else generic; the result says which. */
  mode: XdpMode | 'auto'
}

export interface XdpAttachment {
  link: BpfLink
  mode: XdpMode
  /** With `auto`: why the driver did not take it, as errno(3). */
  refusal?: string
}

/**
 * Attaches a program to what comes in on an interface. Linux 5.9.
 *
 * @throws BpfError ERR_BPF_BUSY (the interface has a program already), ERR_BPF_NO_NATIVE_XDP, ERR_BPF_INTERFACE,
 * ERR_BPF_PERMISSION, ERR_BPF_SYSTEM; UnsupportedKernelError
 */
export function attachXdp({ program, interface: on, mode }: XdpOptions): XdpAttachment {
  if (mode === 'generic') return { link: attach(program, on, XDP_FLAGS_SKB_MODE), mode }
  const native = BpfLink.create(program, on.ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE)
  if (typeof native !== 'number') return { link: native, mode: 'native' }
  // The kernel says EINVAL for an interface that is gone, too.
  if (thread().addon.interfaceName(on.ifindex) === '') throw noInterface(on.name)
  if (!DRIVER_REFUSES.includes(-native)) throw refused(-native, program, on)
  // libuv calls it ENOTSUP, which no manual of Linux does.
  const refusal = native === -EOPNOTSUPP ? 'EOPNOTSUPP' : getSystemErrorName(native)
  if (mode === 'native') throw noNativeXdp(on.name, refusal)
  return { link: attach(program, on, XDP_FLAGS_SKB_MODE), mode: 'generic', refusal }
}

function attach(program: BpfProgram, on: NetworkInterface, flags: number): BpfLink {
  const link = BpfLink.create(program, on.ifindex, BPF_XDP, flags)
  if (typeof link === 'number') throw refused(-link, program, on)
  return link
}

function refused(errno: number, program: BpfProgram, on: NetworkInterface): Error {
  if (errno === EBUSY || errno === EEXIST) {
    const remedy = `If it is not needed any more: \`ip link set dev ${on.name} xdp off\`, or remove the pin of its link`
    return hookBusy('XDP', on.name, holderOf(on), remedy)
  }
  return linkRefused(errno, `attach the program ${program.name} to ${on.name}`, on.name, 'XDP links', '5.9')
}

/** The program that an interface has, in words. */
function holderOf({ ifindex }: NetworkInterface): string {
  const { bpf, netlink } = thread().addon
  const id = netlink.xdpProgram(ifindex)
  if (id <= 0) return 'another program'
  const fd = bpf.byId(BPF_PROG_GET_FD_BY_ID, id)
  if (fd < 0) return `the program with id ${id}`
  try {
    return `the program ${describeProgram(fd).name || 'without a name'} (id ${id})`
  } finally {
    bpf.close(fd)
  }
}
