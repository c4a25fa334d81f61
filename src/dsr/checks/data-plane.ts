import type { Situation } from '../options.js'

/** Whether a program of `udp-dsr/forwarder` is to run on a host like this: an edge, or a backend behind tunnels. */
export function usesXdp({ role, delivery }: Situation): boolean {
  return role === 'edge' || delivery === 'ipip' || delivery === 'gue'
}
