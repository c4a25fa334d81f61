// The examples of the data plane, on a network of their own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import type { Namespace } from '../../examples/netns/index.js'
import { Example } from './example.js'

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP] = DataCenter.vips
const PORT = 5300
const NAMES = ['a', 'b']

let folder: string
let center: DataCenter
let client: Actor<ClientPart>
let servers: Actor<BackendPart>[]
const started: Example[] = []

beforeEach((context) => {
  const missing = whyNoDataCenter()
  if (missing) context.skip(missing)
})
beforeAll(async () => {
  if (whyNoDataCenter()) return
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-example-'))
  center = await DataCenter.create({ backends: NAMES })
  client = new Actor(center.client, demo('client'))
  servers = center.backends.map(({ namespace }) => new Actor<BackendPart>(namespace, demo('backend')))
  // Programs that answer from the wrong address: the second example mends that.
  await Promise.all(servers.map((server, i) => server.call('serve', 'node:dgram', NAMES[i]!, [PORT])))
  await client.call('open', VIP, new Array(20).fill(PORT))
})
afterAll(() => {
  for (const one of [...started, client, ...(servers ?? [])]) one?.kill()
  center?.remove()
  if (folder) rmSync(folder, { recursive: true })
})

function start(namespace: Namespace, name: string, args: readonly string[]): Example {
  const example = new Example(name, args, ['ip', 'netns', 'exec', namespace.name])
  started.push(example)
  return example
}

it('edge.ts forwards as its file says, and source-rewrite.ts lets the answers leave from the VIP', async () => {
  const file = join(folder, 'edge.json')
  const write = (names: readonly string[]) => {
    const members = center.backends.filter(({ name }) => names.includes(name))
    const pools = { p: { delivery: 'l2', backends: members.map(({ name, address }) => ({ id: name, address })) } }
    const services = [{ name: 'who', vips: [VIP], ports: [PORT], pool: 'p' }]
    writeFileSync(file, JSON.stringify({ secret: '0011223344556677', pools, services }))
  }
  write(NAMES)
  const edge = start(center.edge, 'edge.ts', ['eth0', file])
  await edge.says(/attached to eth0, native XDP/)
  await edge.says(/1 services added/)
  expect(new Set(await client.call('ask'))).toEqual(new Set([null]))

  const rewrites = center.backends.map(({ namespace }) => start(namespace, 'source-rewrite.ts', ['eth0', VIP]))
  for (const rewrite of rewrites) await rewrite.says(/replies through eth0 leave from/)
  expect(new Set(await client.call('ask'))).toEqual(new Set(NAMES))
  await edge.says(/\d+ packets: a \d+, b \d+/)
  for (const rewrite of rewrites) await rewrite.says(/\d+ replies rewritten/)

  write(['b'])
  process.kill(edge.pid, 'SIGHUP')
  await edge.says(/follows .*: 0 services added, 0 changed/)
  expect(new Set(await client.call('ask'))).toEqual(new Set(['b']))
  writeFileSync(file, '{')
  process.kill(edge.pid, 'SIGHUP')
  while (!edge.complaints.includes('goes on as before')) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(new Set(await client.call('ask'))).toEqual(new Set(['b']))

  for (const rewrite of rewrites) expect(await rewrite.interrupt()).toBe(0)
  expect(await edge.interrupt()).toBe(0)
  expect(edge.printed).toMatch(/detached\n$/)
})

it.each(['edge.ts', 'source-rewrite.ts'])('%s without arguments tells how to use it', async (name) => {
  const example = start(center.edge, name, [])
  expect(await example.ended()).toBe(2)
  expect(example.complaints).toMatch(/^usage: npx tsx examples\//)
})
