import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { watched } from '../../../examples/netns/command.js'
import { findCommand } from '../../../examples/netns/index.js'
import { freePort } from '../../proxy/programs/kit.js'

const PATIENCE_MS = 10_000
const COOKIE = 0x2112a442
const ALLOCATE = 0x0003
const ALLOCATED = 0x0103
const REQUESTED_TRANSPORT = 0x0019
const XOR_RELAYED_ADDRESS = 0x0016
const UDP = 17

/** Why tests with coturn's TURN server cannot run here, or undefined. */
export function whyNoTurnserver(): string | undefined {
  return findCommand('turnserver') ? undefined : 'needs the program turnserver (Debian: coturn)'
}

/** Starts coturn on loopback with these lines in its configuration, ended with the test; returns its port. */
export async function startTurnserver(lines: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-turnserver-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const file = join(folder, 'turnserver.conf')
  const base = ['listening-ip=127.0.0.1', `listening-port=${port}`, 'relay-ip=127.0.0.1', 'realm=test', 'no-auth']
  const more = ['no-tcp', 'no-tls', 'no-dtls', 'no-cli', 'log-file=stdout', `userdb=${join(folder, 'turn.db')}`]
  writeFileSync(file, `${[...base, ...more, `pidfile=${join(folder, 'pid')}`].join('\n')}\n${lines}`)
  const child = watched(spawn(findCommand('turnserver')!, ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] }))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const deadline = Date.now() + PATIENCE_MS
  while (!readFileSync('/proc/net/udp', 'latin1').includes(`0100007F:${hex}`)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`turnserver did not start: ${output}`)
    await sleep(20)
  }
  return port
}

/** Asks for a relayed address, from a socket that is closed with the test; undefined when it is refused. */
export async function allocate(server: number): Promise<number | undefined> {
  const socket = dgram.createSocket('udp4')
  onTestFinished(() => {
    socket.close()
  })
  socket.connect(server, '127.0.0.1')
  await once(socket, 'connect')
  const request = Buffer.alloc(20 + 8)
  request.writeUInt16BE(ALLOCATE, 0)
  request.writeUInt16BE(8, 2)
  request.writeUInt32BE(COOKIE, 4)
  randomBytes(12).copy(request, 8)
  request.writeUInt16BE(REQUESTED_TRANSPORT, 20)
  request.writeUInt16BE(4, 22)
  request.writeUInt8(UDP, 24)
  socket.send(request)
  const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer]
  return answer.readUInt16BE(0) === ALLOCATED ? relayedPort(answer) : undefined
}

/** The port of XOR-RELAYED-ADDRESS (RFC 8656 §18.5, RFC 8489 §14.2). */
function relayedPort(answer: Buffer): number {
  for (let at = 20; at < answer.length; ) {
    const length = answer.readUInt16BE(at + 2)
    if (answer.readUInt16BE(at) === XOR_RELAYED_ADDRESS) return answer.readUInt16BE(at + 6) ^ (COOKIE >>> 16)
    at += 4 + Math.ceil(length / 4) * 4
  }
  throw new Error('no relayed address in the answer')
}
