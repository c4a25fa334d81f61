// Runs the cluster, kills one of its workers, and counts every client's worker before, meanwhile and after.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WITH_BPF_FILESYSTEM, WITHOUT_BPF_FILESYSTEM, whyNoBpfFilesystem } from '../bpf/filesystem.js'
import { askAll, type Client, freePort, openClients } from '../socket/pin-flows/clients.js'
import { Example } from './example.js'

const WORKERS = 4
const CLIENTS = 400

vi.setConfig({ testTimeout: 60_000 })

const started: Example[] = []
const opened: Client[] = []
function start(args: readonly string[], prefix: readonly string[]): Example {
  const cluster = new Example('cluster.ts', args, prefix)
  started.push(cluster)
  return cluster
}
afterEach(() => {
  for (const cluster of started.splice(0)) cluster.kill()
  for (const client of opened.splice(0)) client.close()
})
beforeEach((context) => {
  const reason = whyNoBpfFilesystem()
  if (reason) context.skip(reason)
})

/** Worker → how many clients it has. */
function loads(answers: readonly string[]): Map<string, number> {
  const count = new Map<string, number>()
  for (const answer of answers) count.set(answer, (count.get(answer) ?? 0) + 1)
  return count
}

test('a killed worker moves its own clients only, and its successor gets them back', async () => {
  const port = await freePort()
  const cluster = start([`${port}`, `${WORKERS}`], WITH_BPF_FILESYSTEM)
  await cluster.says(new RegExp(`(Worker \\d+ serves.*[^]*){${WORKERS}}`))
  opened.push(...(await openClients(CLIENTS, port)))

  const before = await askAll(opened)
  expect(await askAll(opened)).toEqual(before)
  expect(loads(before).size).toBe(WORKERS)
  // A share has 100 clients, give or take 9 (a standard deviation): six times that is never seen.
  for (const clients of loads(before).values()) expect(Math.abs(clients - CLIENTS / WORKERS)).toBeLessThan(54)

  const killed = before[0]!
  const pid = Number(/worker (\d+)/.exec(killed)?.[1])
  process.kill(pid, 'SIGKILL')
  await cluster.says(new RegExp(`Worker ${pid} is gone`))
  const meanwhile = await askAll(opened)
  expect(before.filter((worker, i) => worker !== killed && meanwhile[i] !== worker)).toEqual([])
  expect(loads(meanwhile).size).toBe(WORKERS - 1)
  // Those of the killed one went to all the others, not to one of them.
  const moved = loads(meanwhile.filter((_, i) => before[i] === killed))
  expect(moved.size).toBe(WORKERS - 1)
  expect(moved.has(killed)).toBe(false)

  await cluster.says(new RegExp(`(Worker \\d+ serves.*[^]*){${WORKERS + 1}}`))
  const after = await askAll(opened)
  expect(before.filter((worker, i) => worker !== killed && after[i] !== worker)).toEqual([])
  const successors = new Set(after.filter((_, i) => before[i] === killed))
  expect(successors.size).toBe(1)
  expect(loads(before).has([...successors][0]!)).toBe(false)

  expect(await cluster.interrupt()).toBe(0)
})

test('says why not, where there is no BPF filesystem', async () => {
  const cluster = start([`${await freePort()}`], WITHOUT_BPF_FILESYSTEM)
  expect(await cluster.ended()).toBe(1)
  expect(cluster.complaints).toContain('`mount -t bpf bpf /sys/fs/bpf`')
})
