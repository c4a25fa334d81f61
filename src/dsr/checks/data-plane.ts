import { backendObject, edgeObject } from '../../bpf/index.js'
import type { Situation } from '../options.js'

/** Whether a program of `udp-dsr/forwarder` is to run on a host like this: an edge, or a backend behind tunnels. */
export function usesXdp({ role, delivery }: Situation): boolean {
  return role === 'edge' || delivery === 'ipip' || delivery === 'gue'
}

/** Whether the kernel's name of an XDP program is that of one which `Forwarder` or `Backend` attaches. */
export function isOurs(role: Situation['role'], name: string | undefined): boolean {
  return Object.hasOwn((role === 'edge' ? edgeObject : backendObject).programs, name ?? '')
}
