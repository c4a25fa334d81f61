import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { FlowKey } from '../../src/pinning/flow-key.js'
import { halfSipHash24, slotOf } from '../../src/pinning/half-siphash.js'
import { buildTable } from '../../src/pinning/table.js'
import { flowVectors, sortedIds, tableVectors } from '../pinning/vectors.js'
import { Workshop, whyNoBpf } from './build.js'
import { ask, type FlowAnswer, type FlowCase } from './flow-cases.js'
import { randomCases } from './random-cases.js'
import { caseOf, vectorCases } from './vector-cases.js'

/** bpf/include/flow_hash.h, on the host and in the kernel, against the vectors and against TypeScript. */

const RANDOM = 100_000
const AFFINITIES = ['client-ip', 'client-ip-port', 'flow'] as const

const table = buildTable({
  backends: Array.from({ length: 97 }, (_, i) => ({ id: `backend-${i}`, weight: 1 + (i % 5) })),
})
const keys = Object.fromEntries(AFFINITIES.map((affinity) => [affinity, new FlowKey(affinity)]))

/** What TypeScript says. */
function answer({ affinity, secret, size, client, local }: FlowCase): FlowAnswer {
  const key = keys[affinity]!
  key.setBytes(client.address, client.port, local.address, local.port)
  const view = new DataView(secret.buffer, secret.byteOffset, 8)
  const hash = halfSipHash24(key.words, key.length, view.getUint32(0, true), view.getUint32(4, true))
  const slot = slotOf(hash, size)
  return { hash, slot, backend: table.slots[slot] ?? 0xffff }
}

/** The first answers that are not as they should be: none, if all are well. */
function mismatches(cases: readonly FlowCase[], got: readonly FlowAnswer[], want: readonly FlowAnswer[]): unknown[] {
  const wrong = (i: number) =>
    got[i]!.hash !== want[i]!.hash || got[i]!.slot !== want[i]!.slot || got[i]!.backend !== want[i]!.backend
  return cases.flatMap((question, i) => (wrong(i) ? [{ question, got: got[i], want: want[i] }] : [])).slice(0, 3)
}

const workshop = new Workshop()
let tablePath: string

beforeAll(() => {
  tablePath = workshop.file('table', new Uint8Array(table.slots.buffer, table.slots.byteOffset, table.slots.byteLength))
})
afterAll(() => workshop.remove())

const host = (compiler: string, flags: readonly string[]) => async () => {
  const runner = await workshop.compile(compiler, 'flow_hash_runner.c', flags)
  return (cases: readonly FlowCase[], path = tablePath) => ask(runner, ['host', path], cases)
}
const kernel = async () => {
  const runner = await workshop.compile('gcc', 'flow_hash_runner.c', ['-std=c11'])
  const { path, mapOffset } = await workshop.compileBpf('flow_hash.bpf.c', 'xdp')
  return (cases: readonly FlowCase[], table = tablePath) => ask(runner, ['bpf', table, path, String(mapOffset)], cases)
}

describe.each([
  { where: 'C11', skip: () => undefined, make: host('gcc', ['-std=c11']) },
  { where: 'C++20', skip: () => undefined, make: host('g++', ['-x', 'c++', '-std=c++20']) },
  { where: 'BPF', skip: whyNoBpf, make: kernel },
])('flow_hash.h in $where', ({ skip, make }) => {
  let asker: (cases: readonly FlowCase[], tablePath?: string) => FlowAnswer[]

  const ready = async (context: TestContext) => {
    const reason = skip()
    if (reason !== undefined) context.skip(reason)
    asker ??= await make()
  }

  it('reproduces the vectors', async (context) => {
    await ready(context)
    const cases = vectorCases()
    const want = cases.map(({ hash, slot }) => ({ hash, slot, backend: table.slots[slot] ?? 0xffff }))
    expect(cases.length).toBeGreaterThan(300)
    expect(mismatches(cases, asker(cases), want)).toEqual([])
  })

  it.for(tableVectors)('chooses the backends of the vectors in the table $kind', async (vector, context) => {
    await ready(context)
    const path = workshop.file(vector.kind, new Uint8Array(Uint16Array.from(vector.slots).buffer))
    const cases = flowVectors.map((flow) => ({ ...caseOf(flow), size: vector.size }))
    const ids = sortedIds(vector)
    expect(asker(cases, path).map(({ backend }) => ids[backend])).toEqual(vector.picks)
  })

  it(`agrees with TypeScript on ${RANDOM} random flows`, async (context) => {
    await ready(context)
    const cases = randomCases(RANDOM, table.size)
    expect(mismatches(cases, asker(cases), cases.map(answer))).toEqual([])
  })

  it('is seen to disagree where it does', async (context) => {
    await ready(context)
    const cases = randomCases(16, table.size)
    const other = cases.map((question) => ({ ...question, secret: question.secret.map((byte) => byte ^ 1) }))
    expect(mismatches(cases, asker(cases), other.map(answer)).length).toBeGreaterThan(0)
  })
})

it('the runner says what is wrong with a program that the kernel refuses', async (context) => {
  const reason = whyNoBpf()
  if (reason !== undefined) context.skip(reason)
  const runner = await workshop.compile('gcc', 'flow_hash_runner.c', ['-std=c11'])
  const { path } = await workshop.compileBpf('flow_hash.bpf.c', 'xdp')
  const broken = workshop.file('broken', readFileSync(path).subarray(0, -8)) // without its exit
  expect(() => ask(runner, ['bpf', tablePath, broken, '0'], randomCases(1, table.size))).toThrow('BPF_PROG_LOAD')
})
