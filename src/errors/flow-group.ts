import { UdpDsrError } from './base.js'

/** Codes of `FlowGroupError`. */
export const FLOW_GROUP_CODES = [
  'ERR_FLOW_GROUP_FILESYSTEM',
  'ERR_FLOW_GROUP_FULL',
  'ERR_FLOW_GROUP_AFFINITY',
  'ERR_FLOW_GROUP_LOCKED',
] as const

/** The sockets of a port could not share it with `pinFlows`. */
export class FlowGroupError extends UdpDsrError {
  readonly code: (typeof FLOW_GROUP_CODES)[number]
  constructor(code: (typeof FLOW_GROUP_CODES)[number], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * @param path where a group was to be kept
 * @param mount directory that should be, or be within, a mounted BPF filesystem
 */
export function noBpfFilesystem(path: string, mount: string): FlowGroupError {
  const message =
    `pinFlows shares a port through ${path}, and ${mount} is no BPF filesystem. ` +
    `Mount one as root: \`mount -t bpf bpf ${mount}\`, or name a directory of one with pinFlows: { path }`
  return new FlowGroupError('ERR_FLOW_GROUP_FILESYSTEM', message)
}

/**
 * @param path where a group was to be kept
 * @param existing directory that this process may not write to
 */
export function bpfFilesystemDenied(path: string, existing: string): FlowGroupError {
  const message =
    `pinFlows shares a port through ${path}, and this process may not write to ${existing}. ` +
    `Give its user the directory, as root: \`mkdir -p ${path} && chown USER ${path}\`, and let it search those above it`
  return new FlowGroupError('ERR_FLOW_GROUP_FILESYSTEM', message)
}

/**
 * @param where address and port
 * @param places how many sockets may share it
 */
export function flowGroupFull(where: string, places: number): FlowGroupError {
  const message = `All ${places} places at ${where} are taken by sockets with pinFlows. Close one before you open another`
  return new FlowGroupError('ERR_FLOW_GROUP_FULL', message)
}

/** @param theirs what the open sockets of the group have */
export function otherAffinity(where: string, ours: string, theirs: string): FlowGroupError {
  const message =
    `The sockets that are open at ${where} have pinFlows: '${theirs}', and this one '${ours}'. ` +
    'Take the same for all, or close the others first'
  return new FlowGroupError('ERR_FLOW_GROUP_AFFINITY', message)
}

/** @param milliseconds how long it was waited for */
export function flowGroupLocked(path: string, milliseconds: number): FlowGroupError {
  const message =
    `Another process has held the lock of ${path} for ${milliseconds} ms. \`fuser -v ${path}\` shows which; ` +
    'it is needed for a moment only, so most likely that process is stopped: let it go on, or end it'
  return new FlowGroupError('ERR_FLOW_GROUP_LOCKED', message)
}
