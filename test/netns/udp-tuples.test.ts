// Which of several processes gets a UDP 4-tuple that all of them want. In a namespace, where nobody else has its ports.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Namespace, whyNoNamespaces } from '../../examples/netns/index.js'

const CONTENDER = fileURLToPath(new URL('./contender.ts', import.meta.url))
const PROCESSES = 4
const FIRST = 40_000

let host: Namespace
const children: ChildProcess[] = []

beforeEach(async (context) => {
  const missing = whyNoNamespaces()
  if (missing !== undefined) context.skip(missing)
  host = await Namespace.create('tuples')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  host?.remove()
})

/** Lets processes race for `count` tuples; resolves with how many processes got each that anybody got. */
async function race(how: 'ours' | 'naive', count: number): Promise<number[]> {
  const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc']
  const args = ['--import', 'tsx', CONTENDER, how, '9', `${FIRST}`, `${count}`]
  const racers = Array.from({ length: PROCESSES }, () => host.spawn(process.execPath, args, { stdio }))
  children.push(...racers)
  await Promise.all(racers.map((child) => once(child, 'message')))
  const answers = racers.map((child) => once(child, 'message') as Promise<[number[]]>)
  for (const child of racers) child.send('go')
  const owners = new Map<number, number>()
  for (const [owned] of await Promise.all(answers)) {
    for (const port of owned) owners.set(port, (owners.get(port) ?? 0) + 1)
  }
  return [...owners.values()]
}

test('with SO_REUSEADDR, as programs do, all of them get each', async () => {
  expect(await race('naive', 200)).toEqual(Array(200).fill(PROCESSES))
})

test('with connectUdp one of them does', async () => {
  expect(await race('ours', 4000)).toEqual(Array(4000).fill(1))
})
