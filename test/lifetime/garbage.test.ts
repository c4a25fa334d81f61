import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeBinary } from '../package/node-versions.js'
import { report, underAsan } from './program.js'

interface Dropped {
  collected: number
  /** Most descriptors that were open at a time. */
  most: number
  left: number
}

const scale = underAsan ? 0.1 : 1

describe('sockets that nobody refers to', () => {
  it('are collected, and their descriptors closed', async () => {
    const found = await report<Record<string, Dropped>>('garbage', { args: [scale], node: ['--expose-gc'] })
    expect(found).toMatchObject({
      never: { collected: 10_000 * scale, most: 0, left: 0 },
      opened: { collected: 1_000 * scale, left: 0 },
      closed: { collected: 500 * scale, left: 0 },
      inContext: { collected: 200, left: 0 },
      closedInContext: { collected: 200, left: 0 },
      heard: 1,
    })
    expect(found.opened!.most).toBeGreaterThan(0)
  })

  it.skipIf(underAsan)(
    'also under Node 24, whose AsyncLocalStorage is another',
    async () => {
      const binary = await nodeBinary('24')
      const found = await report('garbage', { args: [0.1], node: ['--expose-gc'], binary })
      expect(found).toMatchObject({
        inContext: { collected: 200, left: 0 },
        closedInContext: { collected: 200, left: 0 },
      })
    },
    60_000,
  )
})

describe('the asynchronous context', () => {
  it('of listeners is that of createSocket, as with dgram, and ends with the socket', async () => {
    expect(await report('context', { node: ['--expose-gc'] })).toEqual({
      seen: { message: 'where it was made', batch: 'where it was made', sent: 'where it was sent' },
      made: true,
      alive: 0,
    })
  })
})

if (underAsan) {
  it('the addon frees all that it allocated', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-leaks-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const options = (name: string) => ({ ASAN_OPTIONS: `detect_leaks=1:exitcode=0:log_path=${join(folder, name)}` })
    const leaks = (name: string) =>
      readdirSync(folder)
        .filter((file) => file.startsWith(name))
        .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n\n'))
        .filter((text) => /leak of \d+ byte/.test(text))
    const { addon } = await report('everything', { node: ['--expose-gc'], env: options('everything') })
    expect(addon).toContain(process.env.UDP_DSR_PREBUILD)
    // Node itself leaves nothing when it ends in peace. (It unloads the addon, whose frames then have no names.)
    expect(leaks('everything')).toEqual([])
    // That leaks are found here at all: a Node that exits in haste leaves many.
    await promisify(execFile)(process.execPath, ['-e', 'process.exit()'], {
      env: { ...process.env, ...options('hasty') },
    })
    expect(leaks('hasty').length).toBeGreaterThan(10)
  }, 60_000)
}
