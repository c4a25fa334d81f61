import { constants } from 'node:os'
import { bpfFailed, hookBusy, noInterface } from '../errors.js'
import { BPF_TCX_EGRESS, BPF_TCX_INGRESS } from '../internal/linux.js'
import { thread } from '../internal/thread.js'
import type { NetworkInterface } from './interface.js'
import { type Attachment, BpfLink, linkRefused } from './link.js'
import type { BpfProgram } from './program.js'

const { EEXIST, EINVAL, ENODEV, ENOENT } = constants.errno

export type Direction = 'ingress' | 'egress'

/** TCX: programs side by side, each a link (Linux 6.6). clsact: filters of a queueing discipline (Linux 4.5). */
export type TcHook = 'tcx' | 'clsact'

export interface TcOptions {
  program: BpfProgram
  interface: NetworkInterface
  direction: Direction
  /** `auto`: TCX where the kernel has it, else clsact. */
  hook: TcHook | 'auto'
}

export interface TcAttachment {
  link: Attachment
  hook: TcHook
}

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress']
const ATTACH_TYPES = { ingress: BPF_TCX_INGRESS, egress: BPF_TCX_EGRESS } as const

/**
 * Attaches a program to what comes in on an interface, or leaves through it.
 *
 * @throws BpfError ERR_BPF_BUSY (TCX has this very program), ERR_BPF_INTERFACE, ERR_BPF_PERMISSION, ERR_BPF_SYSTEM;
 * UnsupportedKernelError (TCX)
 */
export function attachTc({ program, interface: on, direction, hook }: TcOptions): TcAttachment {
  if (hook !== 'clsact') {
    const link = BpfLink.create(program, on.ifindex, ATTACH_TYPES[direction], 0)
    if (typeof link !== 'number') return { link, hook: 'tcx' }
    if (link === -EEXIST) {
      throw hookBusy(`TCX ${direction}`, on.name, `this very program (${program.name})`, 'It is attached once at most')
    }
    if (hook === 'tcx' || link !== -EINVAL) {
      throw linkRefused(-link, `attach the program ${program.name} to ${on.name}`, on.name, 'TCX', '6.6')
    }
  }
  return { link: ClsactFilter.attach(program, on, direction), hook: 'clsact' }
}

/** Where our filter stands among those of others, and its number there. */
const PRIORITY = 0xd5a
const HANDLE = 1

/**
 * A filter of clsact. Nothing in the kernel goes with a process there: without `detach` it stays, and the next `attach`
 * replaces it.
 */
export class ClsactFilter implements Attachment {
  readonly #on: NetworkInterface
  readonly #direction: number
  /** The queueing discipline was made for it. */
  readonly #made: boolean

  private constructor(on: NetworkInterface, direction: number, made: boolean) {
    this.#on = on
    this.#direction = direction
    this.#made = made
  }

  static attach(program: BpfProgram, on: NetworkInterface, direction: Direction): ClsactFilter {
    const status = thread().addon.netlink.addClsact(on.ifindex)
    if (status === -ENODEV) throw noInterface(on.name)
    if (status !== 0 && status !== -EEXIST) throw bpfFailed(-status, `give ${on.name} the queueing discipline clsact`)
    const filter = new ClsactFilter(on, DIRECTIONS.indexOf(direction), status === 0)
    filter.update(program)
    return filter
  }

  update(program: BpfProgram): void {
    const { netlink } = thread().addon
    const status = netlink.setFilter(
      this.#on.ifindex,
      this.#direction,
      HANDLE,
      PRIORITY,
      program.fd,
      `udp-dsr ${program.name}`,
    )
    if (status !== 0) throw bpfFailed(-status, `attach the program ${program.name} to ${this.#on.name} with clsact`)
  }

  detach(): void {
    const { netlink } = thread().addon
    const status = netlink.deleteFilter(this.#on.ifindex, this.#direction, HANDLE, PRIORITY)
    if (status !== 0 && status !== -ENOENT && status !== -ENODEV)
      throw bpfFailed(-status, `detach from ${this.#on.name}`)
    if (this.#made) netlink.deleteClsact(this.#on.ifindex)
  }

  close(): void {}
}
