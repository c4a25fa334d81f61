import { closeSync, constants, mkdirSync, openSync, readlinkSync, rmdirSync, unlinkSync } from 'node:fs'
import { constants as system } from 'node:os'
import { join } from 'node:path'
import { bpfFilesystemDenied, flowGroupLocked, noBpfFilesystem, systemError } from '../../errors.js'
import { bpfFilesystemFault } from '../../internal/bpf-filesystem.js'
import { thread } from '../../internal/thread.js'

const { EAGAIN } = system.errno

/** How long a socket waits for others that come or go, in milliseconds. Each of them takes a few. */
const LOCK_TIMEOUT = 2000

/** @throws FlowGroupError ERR_FLOW_GROUP_FILESYSTEM unless `path` is, or could be made, in a BPF filesystem by this process */
export function checkFilesystem(path: string): void {
  const fault = bpfFilesystemFault(path)
  if (fault === undefined) return
  throw fault.kind === 'type' ? noBpfFilesystem(path, fault.place) : bpfFilesystemDenied(path, fault.place)
}

/**
 * Runs `work` while no other socket, of this process or another, enters or leaves a group below `path`.
 *
 * @throws FlowGroupError ERR_FLOW_GROUP_FILESYSTEM, ERR_FLOW_GROUP_LOCKED; and what `work` throws
 */
export function exclusively<T>(path: string, work: () => T): T {
  checkFilesystem(path)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const status = thread().addon.bpf.lock(folder, LOCK_TIMEOUT)
    if (status === -EAGAIN) throw flowGroupLocked(path, LOCK_TIMEOUT)
    if (status !== 0) throw systemError(-status, 'flock')
    return work()
  } finally {
    closeSync(folder) // gives the lock back
  }
}

/** What makes the sockets that share a port one group for the kernel (`reuseport_add_sock` and its callers). */
export interface GroupName {
  type: 'udp4' | 'udp6'
  address: string
  port: number
  /** Option `bindToDevice`. */
  device: string
  ipv6Only: boolean
}

/** Where a group is kept. The network namespace is part of the name, since the filesystem may be shared by several. */
export function groupPath(path: string, { type, address, port, device, ipv6Only }: GroupName): string {
  const namespace = /[0-9]+/.exec(readlinkSync('/proc/thread-self/ns/net'))?.[0] ?? ''
  const parts = [namespace, ipv6Only ? `${type}only` : type, address, String(port), device].filter(Boolean)
  // The BPF filesystem keeps names with dots for itself (bpf_lookup in kernel/bpf/inode.c).
  return join(path, parts.join('-').replaceAll('.', '_'))
}

/** Removes a group's files and its folder, as far as they are there. */
export function removeGroup(folder: string, files: readonly string[]): void {
  for (const file of files) unlinkSync(join(folder, file))
  rmdirSync(folder)
}
