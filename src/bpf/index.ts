/**
 * BPF programs and maps: what the kernel offers through bpf(2), and the programs of this package. Needs Linux and, for almost
 * all of it, root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; can be imported everywhere.
 *
 * @module
 */
export { BpfError, type BpfErrorDetails } from '../errors.js'
export { attachCgroup, type CgroupOptions } from './cgroup.js'
export { decode, encode, type Layout } from './codec.js'
export type { MapDefinition, ObjectDefinition, ProgramDefinition } from './definition.js'
export { addressesOf, interfaceByName, type NetworkInterface } from './interface.js'
export * as layouts from './layouts.js'
export { type Attachment, BpfLink } from './link.js'
export { BpfMap, type UpdateMode } from './map.js'
export { type LoadedObject, type LoadOptions, loadObject, settingsOf } from './object.js'
export { backendObject } from './objects/backend.js'
export { edgeObject } from './objects/edge.js'
export { sourceRewriteObject } from './objects/source-rewrite.js'
export { PinFolder } from './pin-folder.js'
export { BpfProgram, type TestRun, type TestRunOptions } from './program.js'
export { RingBuffer } from './ring-buffer.js'
export { attachTc, type Direction, type TcAttachment, type TcHook, type TcOptions } from './traffic-control.js'
export { TypedMap } from './typed-map.js'
export { attachXdp, type XdpAttachment, type XdpMode, type XdpOptions } from './xdp.js'
