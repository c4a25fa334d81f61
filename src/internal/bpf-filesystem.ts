import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { BPF_FS_MAGIC } from './linux.js'

/** Where systems mount the BPF filesystem. */
const USUAL_MOUNT = '/sys/fs/bpf'

/** `type`: no BPF filesystem is mounted at `place`. `access`: this process may not write to the directory `place`. */
export interface FilesystemFault {
  kind: 'type' | 'access'
  place: string
}

/** Why `path` is not, and cannot be made, a directory in a BPF filesystem by this process; undefined when it can. */
export function bpfFilesystemFault(path: string): FilesystemFault | undefined {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  // Signed or not, as the version of Node has it.
  if (Number(statfsSync(existing).type) >>> 0 !== BPF_FS_MAGIC) {
    return { kind: 'type', place: path.startsWith(`${USUAL_MOUNT}/`) ? USUAL_MOUNT : existing }
  }
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
    return undefined
  } catch {
    return { kind: 'access', place: existing }
  }
}
