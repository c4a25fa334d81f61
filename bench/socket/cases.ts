import type { Load } from '../harness/load.js'

/** One load, and the servers that are measured under it. */
export interface SocketCase {
  id: string
  title: string
  load: Load
  servers: readonly string[]
  /** The C server that others are compared with. */
  limit: string
}

const CORE = ['c-mmsg', 'batch', 'message', 'dgram']
const PEERS = ['bun', 'deno', 'go']

function plain(flows: number, window: number, size: number, servers: readonly string[]): SocketCase {
  const id = `${flows}x${window}-${size}`
  const title = `${flows} flows × ${window} outstanding, ${size} bytes`
  return { id, title, load: { flows, window, size }, servers, limit: 'c-mmsg' }
}

/** A peer that sends 64 datagrams at a time, so that a receiver with UDP_GRO gets them at a time. */
function segmented(size: number): SocketCase {
  return {
    id: `gro-${size}`,
    title: `peer with UDP_SEGMENT, 4 flows × 256 outstanding, ${size} bytes`,
    load: { flows: 4, window: 256, size, gso: 64 },
    servers: ['c-mmsg-gro', 'batch-gro'],
    limit: 'c-mmsg-gro',
  }
}

export const cases: readonly SocketCase[] = [
  plain(16, 16, 512, [...CORE, 'c-msg', ...PEERS]),
  plain(16, 16, 32, CORE),
  plain(16, 16, 1200, CORE),
  plain(4, 4, 512, CORE),
  plain(4, 4, 32, CORE),
  plain(4, 4, 1200, CORE),
  plain(1, 1, 512, ['c-mmsg', 'c-mmsg-spin', 'batch', 'batch-sleep', 'message', 'message-sleep', 'dgram', ...PEERS]),
  {
    ...plain(16, 16, 512, ['c-mmsg', 'c-mmsg-gso', 'batch', 'batch-gso']),
    id: 'gso-512',
    title: 'replies merged with UDP_SEGMENT, 16 flows × 16 outstanding, 512 bytes',
  },
  {
    ...plain(16, 16, 512, ['c-mmsg', 'batch', 'batch-proxy']),
    id: 'proxy-512',
    title: 'a PROXY v2 header before each payload, 16 flows × 16 outstanding, 512 bytes',
  },
  segmented(1200),
  segmented(32),
]
