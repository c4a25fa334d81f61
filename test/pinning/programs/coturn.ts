import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { watched } from '../../../examples/netns/command.js'
import { findCommand } from '../../../examples/netns/index.js'
import { freePort } from '../../proxy/programs/kit.js'

const PATIENCE_MS = 10_000
/** Ports for allocations of each server, above those that the kernel gives out by itself. */
const RELAYED = { first: 61_001, count: 50 }
let relayedFrom = RELAYED.first

/** Why tests with coturn cannot run here, or undefined. */
export function whyNoCoturn(): string | undefined {
  const missing = ['turnserver', 'turnutils_stunclient', 'turnutils_uclient'].find((name) => !findCommand(name))
  return missing && `needs the program ${missing} (Debian: coturn)`
}

export const TURN_USER = { name: 'alice', password: 'secret' }

/** Starts coturn on a loopback port, ended with the test; returns the port. */
export async function startTurn(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-coturn-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const from = relayedFrom
  relayedFrom += RELAYED.count
  const args = [
    ...['-n', '--listening-ip=127.0.0.1', `--listening-port=${port}`, '--relay-ip=127.0.0.1'],
    ...[`--min-port=${from}`, `--max-port=${from + RELAYED.count - 1}`, '--allow-loopback-peers'],
    ...['--lt-cred-mech', `--user=${TURN_USER.name}:${TURN_USER.password}`, '--realm=test'],
    ...['--no-tcp', '--no-tls', '--no-dtls', '--no-cli', '--no-multicast-peers'],
    ...['--log-file=stdout', `--userdb=${join(folder, 'turn.db')}`, `--pidfile=${join(folder, 'pid')}`],
  ]
  const child = watched(spawn(findCommand('turnserver')!, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
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
