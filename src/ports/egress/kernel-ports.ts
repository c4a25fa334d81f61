import { readFileSync } from 'node:fs'
import type { PortRange } from '../port-range.js'

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'
const RESERVED = '/proc/sys/net/ipv4/ip_local_reserved_ports'

/** How long what was read is believed, milliseconds: a sysctl changes by hand. */
const BELIEVED_MS = 1000

/** Ports that the kernel gives to outgoing connections, IPv6's too (ip-sysctl in the kernel's documentation). */
export interface KernelPorts {
  range: PortRange
  /** Ports of any range that are only for those who name them. */
  reserved: readonly PortRange[]
}

let known: KernelPorts | undefined
let readAt = 0

/** `net.ipv4.ip_local_port_range` and `net.ipv4.ip_local_reserved_ports` of this process's network namespace. */
export function kernelPorts(): KernelPorts {
  const now = performance.now()
  if (known === undefined || now - readAt > BELIEVED_MS) {
    known = { range: parseRange(read(RANGE)), reserved: parseReserved(read(RESERVED)) }
    readAt = now
  }
  return known
}

export function isReserved({ reserved }: KernelPorts, port: number): boolean {
  return reserved.some(([low, high]) => port >= low && port <= high)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // no /proc in this container
  }
}

/** What the kernel has when nobody changed it. */
const DEFAULT_RANGE: PortRange = [32768, 60999]

function parseRange(text: string): PortRange {
  const [low, high] = text.trim().split(/\s+/).map(Number)
  return low && high ? [low, high] : DEFAULT_RANGE
}

/** `8080,9148-9150`, or nothing. */
function parseReserved(text: string): PortRange[] {
  const list = text.trim()
  if (list === '') return []
  return list.split(',').map((range) => {
    const [low = 0, high = low] = range.split('-').map(Number)
    return [low, high]
  })
}
