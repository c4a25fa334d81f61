import { existsSync } from 'node:fs'
import { nativeProgram } from './native.js'
import { inBench, inRepository } from './paths.js'
import { bunBinary, denoBinary, goServer, peersDirectory } from './peer-paths.js'

/** An echo server: it adds one to the first byte of each datagram, sends it back, and ends on SIGTERM. */
export interface Server {
  id: string
  title: string
  /** Program and arguments; builds what it needs. */
  command(): string[]
  env?: Record<string, string>
  /** Why it cannot run here, or undefined when it can. */
  unavailable?(): string | undefined
  /** True for those that answer from the address asked: they are asked at several. */
  pktinfo: boolean
  /** True for those that expect a PROXY v2 header before each payload, and answer without. */
  proxied?: boolean
}

const own = (id: string, title: string, file: string, ...flags: string[]): Server => ({
  id,
  title,
  pktinfo: true,
  command: () => [process.execPath, inBench(`servers/${file}`), ...flags],
  unavailable: () => (existsSync(inRepository('dist/index.js')) ? undefined : 'not built: npm run build'),
})

const reference = (id: string, title: string, program: string, ...flags: string[]): Server => ({
  id,
  title,
  pktinfo: true,
  command: () => [nativeProgram(program), ...flags],
})

const peer = (id: string, title: string, binary: string, pktinfo: boolean, ...args: string[]): Server => ({
  id,
  title,
  pktinfo,
  command: () => [binary, ...args],
  unavailable: () => (existsSync(binary) ? undefined : 'not installed: npm run bench:peers'),
})

export const SERVERS: readonly Server[] = [
  reference('c-mmsg', 'C recvmmsg/sendmmsg', 'echo_mmsg'),
  reference('c-mmsg-spin', 'C recvmmsg/sendmmsg, spinning', 'echo_mmsg', '--spin'),
  reference('c-mmsg-gso', 'C recvmmsg/sendmmsg, gso', 'echo_mmsg', '--gso'),
  reference('c-mmsg-gro', 'C recvmmsg/sendmmsg, gro', 'echo_mmsg', '--gro'),
  reference('c-msg', 'C recvmsg/sendmsg', 'echo_msg'),
  own('batch', "udp-dsr 'batch'", 'batch.mjs'),
  own('batch-gso', "udp-dsr 'batch', gso", 'batch.mjs', '--gso'),
  own('batch-gro', "udp-dsr 'batch', gro", 'batch.mjs', '--gso', '--gro'),
  { ...own('batch-proxy', "udp-dsr 'batch', proxyProtocol", 'batch.mjs', '--proxy'), proxied: true },
  own('batch-sleep', "udp-dsr 'batch', busyPoll 0", 'batch.mjs', '--busy-poll', '0'),
  own('message', "udp-dsr 'message'", 'message.mjs'),
  own('message-sleep', "udp-dsr 'message', busyPoll 0", 'message.mjs', '--busy-poll', '0'),
  {
    id: 'dgram',
    title: 'node:dgram',
    pktinfo: false,
    command: () => [process.execPath, inBench('servers/dgram.mjs')],
  },
  peer('bun', 'Bun sendMany', bunBinary, false, inBench('servers/bun.ts')),
  {
    ...peer('deno', 'Deno', denoBinary, false, 'run', '--unstable-net', '--allow-net', inBench('servers/deno.ts')),
    env: { DENO_DIR: `${peersDirectory}/deno-cache`, DENO_NO_UPDATE_CHECK: '1' },
  },
  peer('go', 'Go ReadBatch/WriteBatch', goServer, true),
]

export function findServer(id: string): Server {
  const server = SERVERS.find((candidate) => candidate.id === id)
  if (!server) {
    throw new Error(`no server '${id}'; there are ${SERVERS.map((candidate) => candidate.id).join(', ')}`)
  }
  return server
}
