import { spawnSync } from 'node:child_process'

/** Bytes of `struct flow_case` (flow_case.h). */
const CASE_BYTES = 64
const AFFINITIES = ['client-ip', 'client-ip-port', 'flow'] as const

/** An address in network order, 4 or 16 bytes, and a port. */
interface End {
  address: Uint8Array
  port: number
}

/** A question to flow_hash.h. Both ends are of one family; IPv4 beside IPv6 is written v4-mapped. */
export interface FlowCase {
  affinity: (typeof AFFINITIES)[number]
  /** 8 bytes. */
  secret: Uint8Array
  /** Slots of the table that the hash is spread over. */
  size: number
  client: End
  local: End
}

export interface FlowAnswer {
  hash: number
  slot: number
  /** What the table has there. */
  backend: number
}

/** Asks a program that answers cases from standard input on standard output. */
export function ask(command: string, args: readonly string[], cases: readonly FlowCase[]): FlowAnswer[] {
  const input = Buffer.alloc(cases.length * CASE_BYTES)
  cases.forEach((question, i) => {
    write(question, input.subarray(i * CASE_BYTES, (i + 1) * CASE_BYTES))
  })
  const { stdout, stderr, status, error } = spawnSync(command, args, { input, maxBuffer: 2 * input.length + 1_000_000 })
  if (error !== undefined) throw error
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${stderr.toString().slice(-4000)}`)
  if (stdout.length !== input.length)
    throw new Error(`${stdout.length} bytes of answers to ${input.length} of questions`)
  return cases.map((_, i) => read(stdout.subarray(i * CASE_BYTES, (i + 1) * CASE_BYTES)))
}

function write({ affinity, secret, size, client, local }: FlowCase, bytes: Buffer): void {
  if (client.address.length !== local.address.length) throw new Error('both ends of a case are of one family')
  bytes.writeUInt16LE(AFFINITIES.indexOf(affinity), 0)
  bytes.writeUInt16LE(client.address.length === 4 ? 4 : 6, 2)
  bytes.set(secret, 4)
  bytes.writeUInt32LE(size, 12)
  bytes.set(client.address, 16)
  bytes.set(local.address, 32)
  bytes.writeUInt16BE(client.port, 48)
  bytes.writeUInt16BE(local.port, 50)
}

function read(bytes: Buffer): FlowAnswer {
  if (bytes.readUInt16LE(62) !== 1) throw new Error('a case was not answered')
  return { hash: bytes.readUInt32LE(52), slot: bytes.readUInt32LE(56), backend: bytes.readUInt16LE(60) }
}
