import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attachXdp, BpfProgram, interfaceByName } from 'udp-dsr/bpf'
import { checkHost, type HostOptions, type ProbeOptions, type ProbeResult, probe, type Report } from 'udp-dsr/dsr'
import { Backend, type BackendOptions, Forwarder, SourceRewrite } from 'udp-dsr/forwarder'

/** What the doctor says of this host. */
export function examine(options: HostOptions): Promise<Report> {
  return checkHost(options)
}

/** What a client on this host finds out. */
export function tryProbe(options: ProbeOptions): Promise<ProbeResult> {
  return probe(options)
}

/** Opens a port that answers nothing; returns it. */
export async function collectNothing(type: 'udp4' | 'udp6'): Promise<number> {
  const socket = createSocket(type).bind()
  await once(socket, 'listening')
  attached.push(socket)
  return socket.address().port
}

/** Data planes of this process; and its sockets; they go with it. */
const attached: unknown[] = []

export async function attachBackend(options: BackendOptions): Promise<void> {
  attached.push(await Backend.attach(options))
}

export async function attachEdge(name: string): Promise<void> {
  attached.push(await Forwarder.attach({ interface: name }))
}

export async function attachRewrite(name: string, vips: readonly string[]): Promise<void> {
  attached.push(await SourceRewrite.attach({ interface: name, vips, hook: 'clsact' }))
}

/** Numbers of linux/bpf.h, and `r0 = XDP_PASS; exit`, `r0 = XDP_TX; exit`. */
const BPF_PROG_TYPE_XDP = 6
const BPF_XDP = 37
const PASS = Buffer.from('b700000002000000' + '9500000000000000', 'hex')
const TX = Buffer.from('b700000003000000' + '9500000000000000', 'hex')

/** Attaches an XDP program that is not of this package. */
export function attachStranger(name: string): void {
  attach(name, 'stranger', PASS)
}

/** Attaches a program that is called as the edge's, and sends each packet back to where it came from. */
export function attachMirror(name: string): void {
  attach(name, 'edge', TX)
}

function attach(name: string, called: string, instructions: Buffer): void {
  using program = BpfProgram.load(called, BPF_PROG_TYPE_XDP, BPF_XDP, instructions)
  attached.push(attachXdp({ program, interface: interfaceByName(name), mode: 'native' }))
}

/**
 * Puts a folder with these files over one of /proc/sys, for this process and its children only: `ip netns exec` has given it a
 * mount namespace of its own. For settings that a network namespace does not have for itself.
 */
export function cover(folder: string, files: Record<string, string>): void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder])
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
}
