import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { watched } from '../../../examples/netns/command.js'
import { command, findCommand } from '../../../examples/netns/index.js'
import { makeCertificates, whyNoCertificates } from '../../proxy/certificates.js'
import { freePort } from '../../proxy/programs/kit.js'

/** Bytes of the connection IDs that ngtcp2's example server uses (NGTCP2_SV_SCIDLEN). */
export const CONNECTION_ID_BYTES = 18

const PATIENCE_MS = 10_000
const SHIM = fileURLToPath(new URL('connection-ids.c', import.meta.url))

/** Why tests with ngtcp2 cannot run here, or undefined. */
export function whyNoNgtcp2(): string | undefined {
  if (!findCommand('gtlsclient')) return 'needs the program gtlsclient (Debian: ngtcp2-client)'
  if (!findCommand('gtlsserver')) return 'needs the program gtlsserver (Debian: ngtcp2-server)'
  if (!findCommand('cc')) return 'needs a C compiler (Debian: g++)'
  return whyNoCertificates()
}

/** A folder that is removed with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'udp-dsr-ngtcp2-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export interface QuicServers {
  ports: number[]
}

/**
 * Starts real QUIC servers on 127.0.0.1, that use these connection IDs, and whose file `name` says who they are:
 * `server 0`, `server 1` and so on. Ended with the test.
 *
 * @param connectionIds of each server, in the order of use
 */
export async function startQuicServers(connectionIds: readonly (readonly Buffer[])[]): Promise<QuicServers> {
  const home = folder()
  const shim = join(home, 'connection-ids.so')
  const compiled = await command('cc', ['-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-o', shim, SHIM, '-ldl'])
  if (compiled.code !== 0) throw new Error(`cc failed: ${compiled.stderr}`)
  const { server: certificate } = await makeCertificates()
  writeFileSync(join(home, 'key.pem'), certificate.key)
  writeFileSync(join(home, 'cert.pem'), certificate.cert)

  const ports: number[] = []
  for (const [i, ids] of connectionIds.entries()) {
    if (ids.some((id) => id.length !== CONNECTION_ID_BYTES)) throw new Error('the server needs IDs of 18 bytes')
    const docs = join(home, `docs${i}`)
    mkdirSync(docs)
    writeFileSync(join(docs, 'name'), `server ${i}`)
    const file = join(home, `ids${i}`)
    writeFileSync(file, Buffer.concat(ids))
    const port = await freePort()
    const args = ['-q', '-d', docs, '127.0.0.1', `${port}`, join(home, 'key.pem'), join(home, 'cert.pem')]
    const child = watched(
      spawn(findCommand('gtlsserver')!, args, {
        env: { ...process.env, LD_PRELOAD: shim, CONNECTION_IDS: file },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    )
    stopWithTest(child)
    await listening(child, port)
    ports.push(port)
  }
  return { ports }
}

function stopWithTest(child: ChildProcess): void {
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  let output = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const deadline = Date.now() + PATIENCE_MS
  while (!readFileSync('/proc/net/udp', 'latin1').includes(`0100007F:${hex}`)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`gtlsserver did not start: ${output}`)
    await sleep(20)
  }
}

/**
 * Asks for the file `name` over QUIC.
 *
 * @param options of ngtcp2's client
 * @returns what is in the file, undefined when it did not come
 */
export async function ask(port: number, options: readonly string[] = []): Promise<string | undefined> {
  const download = folder()
  const fixed = ['-q', '--timeout=3s', '--exit-on-all-streams-close', `--download=${download}`]
  const args = [...fixed, ...options, '127.0.0.1', `${port}`, 'https://server.test/name']
  await command('gtlsclient', args)
  const file = join(download, 'name')
  // The client makes the file before anything has come.
  return (existsSync(file) && readFileSync(file, 'utf8')) || undefined
}
