import { constants } from 'node:os'
import { bpfDenied, bpfFailed, verifierRefused } from '../errors.js'
import { BPF_F_TEST_XDP_LIVE_FRAMES } from '../internal/linux.js'
import { thread } from '../internal/thread.js'

const { ENOENT, EPERM, EACCES } = constants.errno

/** Bytes for what the verifier says; it cuts what is longer at its front (Linux 6.4), or fails with ENOSPC. */
const LOG_BYTES = 1 << 24

/** Most bytes that a test run's packet grows by: headers that programs push. */
const GROWTH = 512

/** Names of the kernel's objects have at most 15 characters (BPF_OBJ_NAME_LEN). */
const LONGEST_NAME = 15

/** Bytes of `struct bpf_prog_info` up to the name, which is all that is read of it (linux/bpf.h). */
const INFO_BYTES = 80
const ID_AT = 4
const NAME_AT = 64

export interface TestRunOptions {
  /** The packet: from the Ethernet header on. */
  data: Uint8Array
  /** `struct xdp_md` or `struct __sk_buff`. */
  context?: Uint8Array | undefined
  /** Default 1. The packet is not reset in between. */
  repeat?: number | undefined
  /** BPF_F_TEST_… of linux/bpf.h, default 0. */
  flags?: number | undefined
  /** Frames at a time with BPF_F_TEST_XDP_LIVE_FRAMES. */
  batch?: number | undefined
}

export interface TestRun {
  /** What the program returned. */
  verdict: number
  /** The packet as the program left it. */
  data: Uint8Array
  /** The context as the program left it, when one was given. */
  context: Uint8Array | undefined
  /** Nanoseconds of one run, averaged over all. */
  duration: number
}

/** A program in the kernel, by its descriptor. It lives as long as a descriptor, a link or a pin refers to it. */
export class BpfProgram {
  #fd: number
  readonly name: string

  private constructor(fd: number, name: string) {
    this.#fd = fd
    this.name = name
  }

  /** The descriptor; −1 once it is closed, since its number may be another one's then. */
  get fd(): number {
    return this.#fd
  }

  /**
   * @param type `enum bpf_prog_type`
   * @param attachType `enum bpf_attach_type`
   * @param instructions with the descriptors of maps in them
   * @throws BpfError ERR_BPF_PERMISSION, ERR_BPF_VERIFIER, ERR_BPF_SYSTEM
   */
  static load(name: string, type: number, attachType: number, instructions: Uint8Array): BpfProgram {
    const { bpf } = thread().addon
    const load = (log?: Uint8Array) =>
      bpf.loadProgram(type, instructions, name.slice(0, LONGEST_NAME), attachType, 0, log)
    const fd = load()
    if (fd >= 0) return new BpfProgram(fd, name)
    if (fd === -EPERM) throw bpfDenied(`load the program ${name}`)
    // Once more, to hear why. Writing the log makes verifying slower, so it is not done at first.
    const log = Buffer.alloc(LOG_BYTES)
    const again = load(log)
    if (again >= 0) return new BpfProgram(again, name)
    const text = log.toString('utf8', 0, log.indexOf(0))
    if (text === '') throw bpfFailed(-fd, `load the program ${name}`)
    if (fd === -EACCES && /CAP_|Unprivileged|prohibited for !root/i.test(text))
      throw bpfDenied(`load the program ${name}`, 'EACCES')
    throw verifierRefused(name, -fd, text)
  }

  /** Opens a pinned program; undefined when nothing is pinned there. */
  static open(path: string): BpfProgram | undefined {
    const fd = thread().addon.bpf.get(path)
    if (fd === -ENOENT) return undefined
    if (fd < 0) throw bpfFailed(-fd, `open the program ${path}`)
    return new BpfProgram(fd, path.slice(path.lastIndexOf('/') + 1))
  }

  /** The kernel's number for it. */
  get id(): number {
    return describeProgram(this.fd).id
  }

  /** Runs the program on a packet, without sending it anywhere (BPF_PROG_TEST_RUN). */
  testRun({ data, context, repeat = 1, flags = 0, batch = 0 }: TestRunOptions): TestRun {
    const live = (flags & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0
    const out = live ? undefined : new Uint8Array(data.length + GROWTH)
    const contextOut = context && !live ? new Uint8Array(context.length) : undefined
    const result = new Uint32Array(4)
    const { bpf } = thread().addon
    const status = bpf.testProgram(this.fd, data, out, context, contextOut, repeat, flags, batch, result)
    if (status !== 0) throw bpfFailed(-status, `run the program ${this.name} on a packet`)
    const [verdict, duration, length] = result as unknown as [number, number, number]
    return { verdict, data: out?.subarray(0, length) ?? data, context: contextOut, duration }
  }

  pin(path: string): void {
    const status = thread().addon.bpf.pin(this.fd, path)
    if (status !== 0) throw bpfFailed(-status, `pin the program ${this.name} at ${path}`)
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

/** A program's number and name in the kernel. */
export function describeProgram(fd: number): { id: number; name: string } {
  const info = Buffer.alloc(INFO_BYTES)
  const status = thread().addon.bpf.info(fd, info)
  if (status < 0) throw bpfFailed(-status, 'look at a program')
  const end = info.indexOf(0, NAME_AT)
  return { id: info.readUInt32LE(ID_AT), name: info.toString('latin1', NAME_AT, end < 0 ? INFO_BYTES : end) }
}
