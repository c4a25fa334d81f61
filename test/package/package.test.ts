import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, has, pack, root, run, type Tarball } from './consumer.js'
import { nodeBinary } from './node-versions.js'

const MINUTE = 60_000

/** What belongs into the tarball. */
const SHIPPED = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
  /^bpf\/((include|edge|backend)\/)?\w+(\.bpf\.[co]|\.h)$/,
  /^dist\/[\w/-]+\.(js|js\.map|d\.ts)$/,
  /^docs\/[\w-]+\.(md|svg)$/,
  /^docs\/guides\/[\w-]+\.md$/,
  /^grafana\/udp-dsr\.json$/,
  /^systemd\/udp-dsr-(edge|backend|rewrite)\.service$/,
  /^native\/(binding\.gyp|(src|compat)\/[\w.-]+)$/,
  /^schema\/udp-dsr\.schema\.json$/,
  /^prebuilds\/linux-(x64|arm64)\/udp-dsr\.glibc\.node$/,
]
/** Bytes. Far above today's size, far below what a stray folder would bring. */
const LARGEST_TARBALL = 2_500_000

/** Header and libraries of the cross compiler, in which qemu finds what an arm64 program loads. */
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu'

const hasArm64Compiler = await has('aarch64-linux-gnu-g++')
const hasQemu = await has('qemu-aarch64-static')

const scratch = mkdtempSync(join(tmpdir(), 'udp-dsr-pack-'))
const consumer = new Consumer()
let tarball: Tarball

beforeAll(async () => {
  tarball = await pack(scratch, hasArm64Compiler ? ['x64', 'arm64'] : ['x64'])
  await consumer.install(tarball.path)
}, 5 * MINUTE)

afterAll(() => {
  consumer.remove()
  rmSync(scratch, { recursive: true, force: true })
})

describe('the tarball', () => {
  test('holds what is shipped and nothing else', () => {
    const strays = tarball.files.map((file) => file.path).filter((path) => !SHIPPED.some((good) => good.test(path)))
    expect(strays).toEqual([])
    expect(tarball.size).toBeLessThan(LARGEST_TARBALL)
  })

  test('holds both binaries, the types and the licence', (context) => {
    if (!hasArm64Compiler) context.skip('no arm64 compiler (package g++-aarch64-linux-gnu)')
    const paths = tarball.files.map((file) => file.path)
    expect(paths).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli/main.js',
        'dist/discovery/index.d.ts',
        'dist/dsr/index.d.ts',
        'dist/fleet/index.d.ts',
        'systemd/udp-dsr-edge.service',
        'schema/udp-dsr.schema.json',
        'bpf/edge.bpf.o',
        'bpf/source_rewrite.bpf.o',
        'dist/bpf/index.js',
        'dist/bpf/index.d.ts',
        'dist/forwarder/index.js',
        'dist/forwarder/index.d.ts',
        'dist/pinning/index.js',
        'dist/pinning/index.d.ts',
        'dist/ports/index.js',
        'dist/ports/index.d.ts',
        'dist/proxy/index.js',
        'dist/proxy/index.d.ts',
        'dist/socket/index.js',
        'dist/socket/index.d.ts',
        'prebuilds/linux-x64/udp-dsr.glibc.node',
        'prebuilds/linux-arm64/udp-dsr.glibc.node',
      ]),
    )
  })

  test('has no install script and no binding.gyp at its root, so that npm builds nothing', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$/)]))
    expect(tarball.files.map((file) => file.path)).not.toContain('binding.gyp')
  })

  test('pleases publint', async () => {
    const bytes = new Uint8Array(readFileSync(tarball.path))
    const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([])
  })

  test(
    'pleases attw (are the types wrong)',
    async () => {
      const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
      await run(process.execPath, [attw, tarball.path, '--profile', 'esm-only', '--no-emoji', '--no-color'])
    },
    MINUTE,
  )
})

// The oldest release that package.json's `engines` allows, the lines in use, and the newest that npm brings.
describe.each(['20.19.0', '22', '24', 'latest'])('on Node %s', (range) => {
  let node: string
  beforeAll(async () => {
    node = await nodeBinary(range)
  }, 5 * MINUTE)

  test.each(['echo.mjs', 'echo.cjs'])('%s answers from the address that was asked', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    expect(answer).toMatchObject({ text: 'hello', from: '127.0.0.5' })
    if (range !== 'latest') expect(`${answer.node}.`.startsWith(`${range}.`)).toBe(true)
  })

  test.each(['proxy.mjs', 'proxy.cjs'])('%s reads a PROXY header, and refuses a damaged one', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    const source = { address: '203.0.113.7', port: 53124 }
    expect(answer).toEqual({ source, payload: 'hello', code: 'ERR_PROXY_CHECKSUM', typed: true })
  })

  test.each(['pinning.mjs', 'pinning.cjs'])('%s picks the same on every Node', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    const previous = { id: 'c', state: 'removed' }
    expect(answer).toEqual({ digest: '29725d16fffdc128', id: 'c', previous, moved: true })
  })

  test.each(['forwarder.mjs', 'forwarder.cjs'])('%s loads the edge into the kernel', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    const verdict = process.getuid?.() === 0 ? 2 : 'ERR_BPF_PERMISSION' // XDP_PASS
    expect(answer).toEqual({ none: 'ERR_BPF_INTERFACE', wrong: 'ERR_UNKNOWN_OPTION', verdict })
  })

  test.each(['fleet.mjs', 'fleet.cjs'])('%s follows members, reads a config and looks at the host', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    expect(answer).toEqual({ members: ['a'], problem: 'pools', vip: 'vip-local', up: true })
  })

  test('the command is there', async () => {
    const main = 'node_modules/udp-dsr/dist/cli/main.js'
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(await consumer.run(node, [main, '--version'])).toBe(`${version}\n`)
    expect(await consumer.run(node, [main, 'completion', 'bash'])).toContain('complete -o default -F _udp_dsr udp-dsr')
  })

  // `connect` gives net.Socket's handle a descriptor of its own: a Node that has another handle would show here.
  test.each(['ports.mjs', 'ports.cjs'])('%s connects from ports of its own', async (script) => {
    const answer = JSON.parse(await consumer.run(node, [script]))
    expect(answer).toEqual({
      owner: 'fra',
      leased: true,
      early: true,
      refused: 'ECONNREFUSED',
      agent: '127.0.0.84',
      keptAlive: true,
      connector: '127.0.0.84',
      udp: 'hello 127.0.0.84',
    })
  })
})

describe('TypeScript', () => {
  test.each([
    ['nodenext', 'nodenext', 'types.mts'],
    ['nodenext', 'nodenext', 'types.cts'],
    ['esnext', 'bundler', 'types.mts'],
  ])(
    'module %s, moduleResolution %s, %s',
    async (module, resolution, file) => {
      const options = [
        '--module',
        module,
        '--moduleResolution',
        resolution,
        '--target',
        'es2022',
        '--strict',
        '--noEmit',
      ]
      const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      // Without --skipLibCheck: the package's own declarations are what is tested.
      await consumer.run(process.execPath, [tsc, '--ignoreConfig', ...options, ...types, file])
    },
    MINUTE,
  )
})

test('on another system everything can be imported, and opening a socket says what it needs', async () => {
  const answer = JSON.parse(await consumer.run(process.execPath, ['other-platform.mjs']))
  expect(answer).toMatchObject({
    code: 'ERR_UNSUPPORTED_PLATFORM',
    owner: 'fra',
    leased: 20000,
    forwarder: 'ERR_UNSUPPORTED_PLATFORM',
  })
  expect(answer.egress).toEqual(Array.from({ length: 4 }, () => 'ERR_UNSUPPORTED_PLATFORM'))
})

test(
  'the arm64 binary answers from the address that was asked',
  async (context) => {
    if (!hasArm64Compiler) context.skip('no arm64 compiler (package g++-aarch64-linux-gnu)')
    if (!hasQemu) context.skip('no arm64 emulator (package qemu-user-static)')
    const node = await nodeBinary('latest', 'arm64')
    const answer = await consumer.run('qemu-aarch64-static', ['-L', ARM64_LIBRARIES, node, 'echo.mjs'])
    expect(JSON.parse(answer)).toMatchObject({ text: 'hello', from: '127.0.0.5' })
  },
  5 * MINUTE,
)

test(
  'the shipped sources build where no binary fits',
  async () => {
    const installed = new Consumer()
    try {
      await installed.install(tarball.path, 'node-addon-api@8')
      rmSync(join(installed.folder, 'node_modules/udp-dsr/prebuilds'), { recursive: true })
      const nodeGyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js')
      const headers = dirname(dirname(process.execPath))
      const options = existsSync(join(headers, 'include/node/common.gypi')) ? [`--nodedir=${headers}`] : []
      await installed.run(process.execPath, [nodeGyp, 'rebuild', '-C', 'node_modules/udp-dsr/native', ...options])
      expect(JSON.parse(await installed.run(process.execPath, ['echo.mjs']))).toMatchObject({ from: '127.0.0.5' })
    } finally {
      installed.remove()
    }
  },
  5 * MINUTE,
)
