import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import {
  attachCgroup,
  attachTc,
  attachXdp,
  BpfLink,
  BpfMap,
  BpfProgram,
  interfaceByName,
  loadObject,
  PinFolder,
  settingsOf,
  type TcHook,
} from '../../../src/bpf/index.js'
import { bpfDescriptors } from './descriptors.js'
import { hitsOf, type SampleObject, SampleSettings, XDP_DROP } from './sample.js'

const FOLDER = '/sys/fs/bpf/udp-dsr-test'
const PACKETS = 20

/** Sends datagrams out of `left`; they arrive at `right`, whose address nobody has. */
async function send(count = PACKETS): Promise<void> {
  const socket = createSocket('udp4')
  for (let i = 0; i < count; i++) {
    await new Promise((sent) => socket.send(Buffer.alloc(20), 9, '10.9.0.2', sent))
  }
  socket.close()
  await sleep(20)
}

/** Starts a TypeScript file in a worker thread, where the loader of the main thread is not. */
function startWorker(file: string, workerData: object): Worker {
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(process.argv[2]) })`
  return new Worker(code, { eval: true, argv: [new URL(file, import.meta.url).href], workerData })
}

/** What went wrong, in words. */
function refusal(work: () => unknown): { code: unknown; message: string } {
  try {
    work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { code, message }
  }
  throw new Error('it went well')
}

/** Each mode of XDP: how many packets the program saw, attached and after it was taken away. */
export async function xdp(sample: SampleObject): Promise<unknown> {
  const right = interfaceByName('right')
  const seen: Record<string, number[]> = {}
  for (const mode of ['native', 'generic', 'auto'] as const) {
    using loaded = loadObject(sample)
    const { link, mode: attached } = attachXdp({ program: loaded.programs.first, interface: right, mode })
    await send()
    const counts = [hitsOf(loaded.maps.hits, 0)]
    link.update(loaded.programs.second)
    await send()
    counts.push(hitsOf(loaded.maps.hits, 0), hitsOf(loaded.maps.hits, 1))
    link.detach()
    await send()
    counts.push(hitsOf(loaded.maps.hits, 1))
    link.close()
    seen[`${mode}: ${attached}`] = counts
  }
  return seen
}

/** What is said when attaching is refused. */
export async function refusals(sample: SampleObject): Promise<unknown> {
  using loaded = loadObject(sample)
  const { first, mark } = loaded.programs
  const right = interfaceByName('right')
  const gone = { ...right, name: 'gone', ifindex: 0x7fff_fff0 }
  using _held = attachXdp({ program: first, interface: right, mode: 'native' }).link
  const tcx = attachTc({ program: mark, interface: right, direction: 'ingress', hook: 'tcx' }).link
  const before = bpfDescriptors()
  const all = {
    id: first.id,
    busy: refusal(() => attachXdp({ program: first, interface: right, mode: 'native' })),
    twice: refusal(() => attachTc({ program: mark, interface: right, direction: 'ingress', hook: 'auto' })),
    noName: refusal(() => interfaceByName('gone')),
    gone: refusal(() => attachXdp({ program: first, interface: gone, mode: 'auto' })),
    goneTcx: refusal(() => attachTc({ program: mark, interface: gone, direction: 'egress', hook: 'tcx' })),
    goneClsact: refusal(() => attachTc({ program: mark, interface: gone, direction: 'egress', hook: 'clsact' })),
    noDriver: refusal(() => attachXdp({ program: first, interface: interfaceByName('flat'), mode: 'native' })),
    auto: attachXdp({ program: first, interface: interfaceByName('flat'), mode: 'auto' }),
    noGroup: refusal(() => attachCgroup({ program: loaded.programs.sending, cgroup: '/nowhere', hook: 'sendmsg4' })),
    wrongKind: refusal(() => attachTc({ program: first, interface: right, direction: 'egress', hook: 'tcx' })),
    leaked: 0,
  }
  all.auto.link.close()
  all.leaked = bpfDescriptors() - before
  tcx.close()
  return { ...all, auto: { mode: all.auto.mode, refusal: all.auto.refusal } }
}

/** Both hooks of traffic control, both directions: seen, after the program was replaced by one that drops, and removed. */
export async function trafficControl(sample: SampleObject): Promise<unknown> {
  const results: Record<string, unknown> = {}
  for (const hook of ['tcx', 'clsact', 'auto'] as const satisfies readonly (TcHook | 'auto')[]) {
    for (const direction of ['ingress', 'egress'] as const) {
      using loaded = loadObject(sample)
      const on = interfaceByName(direction === 'ingress' ? 'right' : 'left')
      const { maps, programs } = loaded
      const attached = attachTc({ program: programs.mark, interface: on, direction, hook })
      await send()
      attached.link.update(programs.block)
      await send()
      const [marked, blocked] = [hitsOf(maps.hits, 2), hitsOf(maps.hits, 3)]
      attached.link.detach()
      attached.link.close()
      await send()
      const after = hitsOf(maps.hits, 2) + hitsOf(maps.hits, 3) - marked - blocked
      results[`${hook} ${direction}`] = [attached.hook, marked, blocked, after]
    }
  }
  return results
}

/** A clsact filter outlives its process's interest: attached again, it is replaced and not doubled. */
export async function clsactAgain(sample: SampleObject): Promise<unknown> {
  using loaded = loadObject(sample)
  const on = interfaceByName('left')
  attachTc({ program: loaded.programs.mark, interface: on, direction: 'egress', hook: 'clsact' }).link.close()
  const second = attachTc({ program: loaded.programs.mark, interface: on, direction: 'egress', hook: 'clsact' }).link
  await send()
  const marked = hitsOf(loaded.maps.hits, 2)
  second.detach()
  await send()
  return { marked, after: hitsOf(loaded.maps.hits, 2) - marked }
}

/** A control group of its own: datagrams of this process while it is in the group, and not before. */
export async function cgroup(sample: SampleObject): Promise<unknown> {
  const group = `/sys/fs/cgroup/udp-dsr-test-${process.pid}`
  mkdirSync(group)
  try {
    using loaded = loadObject(sample)
    using link = attachCgroup({ program: loaded.programs.sending, cgroup: group, hook: 'sendmsg4' })
    await send()
    const outside = hitsOf(loaded.maps.hits, 4)
    writeFileSync(`${group}/cgroup.procs`, String(process.pid))
    await send()
    const inside = hitsOf(loaded.maps.hits, 4)
    link.detach()
    await send()
    return { outside, inside, after: hitsOf(loaded.maps.hits, 4) - inside }
  } finally {
    writeFileSync('/sys/fs/cgroup/cgroup.procs', String(process.pid))
    rmdirSync(group)
  }
}

/** Programs take turns while frames come in as fast as they can: each frame is seen by one of them. */
export async function replace(sample: SampleObject): Promise<unknown> {
  const settings = settingsOf(SampleSettings, { verdict: XDP_DROP, ifindex: 0 })
  using loaded = loadObject(sample, { settings, programs: ['first', 'second'] })
  const { first, second } = loaded.programs
  using link = attachXdp({ program: first, interface: interfaceByName('right'), mode: 'native' }).link
  const frames = 1_000_000
  const workerData = { sample, frames, ifindex: interfaceByName('left').ifindex }
  const worker = startWorker('./generator.ts', workerData)
  let ended = false
  worker.once('exit', () => {
    ended = true
  })
  await once(worker, 'message')
  let updates = 0
  for (; !ended; await sleep(0)) link.update(updates++ % 2 === 0 ? second : first)
  await sleep(50)
  const counts = [hitsOf(loaded.maps.hits, 0), hitsOf(loaded.maps.hits, 1)] as const
  return { frames, lost: frames - counts[0] - counts[1], updates, both: counts[0] > 0 && counts[1] > 0 }
}

/** First process: pins a map, a program and a link, and ends. */
export async function pin(sample: SampleObject): Promise<unknown> {
  const folder = PinFolder.take(FOLDER)
  const hits = folder.map('hits', sample.maps.hits)
  const loaded = loadObject(sample, { maps: { hits }, programs: ['first', 'second'] })
  const { link } = attachXdp({ program: loaded.programs.first, interface: interfaceByName('right'), mode: 'native' })
  link.pin(folder.pin('link.xdp'))
  await send()
  const second = refusal(() => PinFolder.take(FOLDER))
  return { seen: hitsOf(hits, 0), second, elsewhere: refusal(() => PinFolder.take('/tmp/udp-dsr-test')) }
}

/** Second process: finds all of it, goes on with it, replaces the program, and removes the pins. */
export async function findPins(sample: SampleObject): Promise<unknown> {
  const folder = PinFolder.take(FOLDER)
  await send()
  using hits = folder.map('hits', sample.maps.hits)
  const seen = hitsOf(hits, 0)
  const other = refusal(() => folder.map('hits', { ...sample.maps.hits, entries: 9, valueBytes: 16 }))
  using loaded = loadObject(sample, { maps: { hits }, programs: ['second'] })
  using link = BpfLink.open(folder.pin('link.xdp'))!
  link.update(loaded.programs.second)
  await send()
  const names = folder.names().sort()
  folder.clear()
  folder.close()
  link.close()
  const replaced = hitsOf(hits, 1)
  await send() // nothing refers to the link any more
  return {
    seen,
    other,
    names,
    replaced,
    after: hitsOf(hits, 1) - replaced,
    gone: BpfMap.open(folder.pin('hits')) === undefined,
  }
}

/** A worker that is terminated in the middle leaves no map, program or link behind. */
export async function terminated(sample: SampleObject): Promise<unknown> {
  const before = bpfDescriptors()
  const workerData = { sample }
  const worker = startWorker('./idler.ts', workerData)
  await once(worker, 'message')
  const during = bpfDescriptors() - before
  await worker.terminate()
  return { during, after: bpfDescriptors() - before }
}

/** Without capabilities. */
export async function unprivileged(sample: SampleObject): Promise<unknown> {
  const { type, attachType, instructions } = sample.programs.first
  return {
    map: refusal(() => BpfMap.create('known', sample.maps.known)),
    program: refusal(() => BpfProgram.load('first', type, attachType, Buffer.from(instructions, 'base64'))),
    leaked: bpfDescriptors(),
  }
}
