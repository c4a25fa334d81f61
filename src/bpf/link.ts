import { constants } from 'node:os'
import { bpfFailed, noInterface, unsupportedKernel } from '../errors.js'
import { thread } from '../internal/thread.js'
import { olderThan } from './kernel.js'
import type { BpfProgram } from './program.js'

const { ENOENT, EINVAL, ENODEV } = constants.errno

/** Bytes of `struct bpf_link_info` that are read, and where the interface is in those of XDP and TCX (linux/bpf.h). */
const INFO_BYTES = 24
const IFINDEX_AT = 16

/** A program that is attached somewhere. Without a pin it is detached when the last descriptor is closed. */
export interface Attachment {
  /** Puts another program in the place of this one: each packet goes through one of the two. */
  update(program: BpfProgram): void
  /** Takes the program away. */
  detach(): void
  /** Gives the descriptor back. */
  close(): void
}

/** A program's attachment as the kernel keeps it (BPF_LINK_CREATE). It lives as long as a descriptor or a pin refers to it. */
export class BpfLink implements Attachment {
  #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The descriptor; −1 once it is closed, since its number may be another one's then. */
  get fd(): number {
    return this.#fd
  }

  /**
   * @param target index of an interface, or descriptor of a control group
   * @param since first Linux version that has this kind, for the error
   * @returns −errno for what the caller knows more about
   * @internal
   */
  static create(program: BpfProgram, target: number, attachType: number, flags: number): BpfLink | number {
    const fd = thread().addon.bpf.createLink(program.fd, target, attachType, flags)
    return fd < 0 ? fd : new BpfLink(fd)
  }

  /** Opens a pinned link; undefined when nothing is pinned there. */
  static open(path: string): BpfLink | undefined {
    const fd = thread().addon.bpf.get(path)
    if (fd === -ENOENT) return undefined
    if (fd < 0) throw bpfFailed(-fd, `open the link ${path}`)
    return new BpfLink(fd)
  }

  /** Index of the interface that an XDP or TCX link is on; 0 when that is gone. */
  get ifindex(): number {
    const info = new Uint8Array(INFO_BYTES)
    const status = thread().addon.bpf.info(this.fd, info)
    if (status < 0) throw bpfFailed(-status, 'look at a link')
    return new DataView(info.buffer).getUint32(IFINDEX_AT, true)
  }

  update(program: BpfProgram): void {
    const status = thread().addon.bpf.updateLink(this.fd, program.fd)
    if (status !== 0) throw bpfFailed(-status, `replace the attached program by ${program.name}`)
  }

  pin(path: string): void {
    const status = thread().addon.bpf.pin(this.fd, path)
    if (status !== 0) throw bpfFailed(-status, `pin the link at ${path}`)
  }

  detach(): void {
    const status = thread().addon.bpf.detachLink(this.fd)
    // Its interface may be gone, and with it what there was to detach.
    if (status !== 0 && status !== -ENOENT) throw bpfFailed(-status, 'detach a program')
  }

  /** Gives the descriptor back. The second time it does nothing. */
  close(): void {
    thread().addon.bpf.close(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * What a refusal to make a link means when the hook itself has no better explanation.
 *
 * @param feature as it is named in `ERR_UNSUPPORTED_KERNEL`
 * @param since first Linux version that has it
 */
export function linkRefused(errno: number, what: string, name: string, feature: string, since: string): Error {
  if (errno === ENODEV) return noInterface(name)
  const cause = bpfFailed(errno, what)
  return errno === EINVAL && olderThan(since) ? unsupportedKernel(feature, since, cause) : cause
}
