import { readFileSync } from 'node:fs'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defineObject } from '../../../scripts/lib/bpf-definition.mjs'
import { be32, u64 } from '../../../src/bpf/codec.js'
import { BpfMap, BpfProgram, loadObject, RingBuffer, settingsOf, TypedMap } from '../../../src/bpf/index.js'
import { whyNoBpf } from '../build.js'
import { bpfDescriptors } from './descriptors.js'
import { hitsOf, SAMPLE, type SampleObject, SampleSettings, XDP_DROP, XDP_PASS } from './sample.js'

const FRAME = new Uint8Array(64)
let sample: SampleObject
const missing = whyNoBpf()
beforeAll(async () => {
  if (missing === undefined) sample = (await defineObject(SAMPLE)) as SampleObject
})
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing)
})

describe('loadObject', () => {
  it('makes maps as they are declared, loads programs, and gives every descriptor back', () => {
    const before = bpfDescriptors()
    const { maps, programs, close } = loadObject(sample)
    expect(maps.known).toMatchObject({ type: 1, keyBytes: 4, valueBytes: 8, entries: 4, flags: 0 })
    expect(maps.known.id).toBeGreaterThan(0)
    expect(programs.first.id).toBeGreaterThan(0)
    expect(programs.first.testRun({ data: FRAME }).verdict).toBe(XDP_PASS)
    // Constants too: the map that has them is one of the loaded object's.
    expect(bpfDescriptors()).toBe(before + 4 + 7 + 1)
    close()
    expect(bpfDescriptors()).toBe(before)
  })

  it('writes settings into the constants, and freezes them', () => {
    using loaded = loadObject(sample, { settings: settingsOf(SampleSettings, { verdict: XDP_DROP, ifindex: 0 }) })
    const run = loaded.programs.first.testRun({ data: FRAME, repeat: 100 })
    expect(run.verdict).toBe(XDP_DROP)
    expect(run.data).toEqual(FRAME)
    expect(hitsOf(loaded.maps.hits, 0)).toBe(100)
  })

  it('takes maps that are given, leaves them to their owner, and makes others of another size', () => {
    using known = BpfMap.create('known', { ...sample.maps.known, entries: 9 })
    const loaded = loadObject(sample, { maps: { known }, entries: { words: 77 }, programs: ['tell'] })
    expect(loaded.maps.known).toBe(known)
    expect(loaded.maps.words.entries).toBe(77)
    expect(Object.keys(loaded.programs)).toEqual(['tell'])
    loaded.close()
    expect(known.update(Uint32Array.of(1), BigUint64Array.of(2n))).toBe(true)
  })

  it('closes what was made when a program is refused; the error has the lines that decide, and the whole log', () => {
    const before = bpfDescriptors()
    // r0 = *(u64 *)(r1 + 4096), exit: beyond the context
    const bad = Buffer.from('7910001000000000' + '9500000000000000', 'hex').toString('base64')
    const broken: SampleObject = {
      ...sample,
      programs: {
        ...sample.programs,
        sending: { ...sample.programs.first, instructions: bad, maps: [], constants: [] },
      },
    }
    const error = thrown(() => loadObject(broken))
    expect(error).toMatchObject({ code: 'ERR_BPF_VERIFIER', errno: 'EACCES' })
    expect(error.message).toMatch(/refused the program sending \(EACCES\): .*invalid bpf_context access off=4096/)
    expect((error as { log?: string }).log).toMatch(/processed \d+ insns/)
    expect(bpfDescriptors()).toBe(before)
  })

  it('closes what was made when a map is refused', () => {
    const before = bpfDescriptors()
    const error = thrown(() => loadObject(sample, { entries: { events: 4095 } }))
    expect(error).toMatchObject({ code: 'ERR_BPF_SYSTEM', errno: 'EINVAL' })
    expect(error.message).toBe('Could not make the map events with 4095 entries: EINVAL')
    expect(bpfDescriptors()).toBe(before)
  })
})

describe('BpfMap', () => {
  it('looks up, updates, deletes and lists', () => {
    using map = BpfMap.create('numbers', sample.maps.known)
    const numbers = new TypedMap(map, be32, u64)
    expect(numbers.get(1)).toBeUndefined()
    expect(numbers.set(1, 10n, 'existing')).toBe(false)
    expect(numbers.set(1, 10n, 'new')).toBe(true)
    expect(numbers.set(1, 11n, 'new')).toBe(false)
    expect(numbers.set(2, 2n ** 63n)).toBe(true)
    expect(new Map(numbers)).toEqual(
      new Map([
        [1, 10n],
        [2, 2n ** 63n],
      ]),
    )
    expect(numbers.delete(1)).toBe(true)
    expect(numbers.delete(1)).toBe(false)
    expect([...map.keys()]).toEqual([Uint8Array.of(0, 0, 0, 2)])
  })

  it('says when it is full, and when a key or a value is not as long as its own', () => {
    using map = BpfMap.create('numbers', sample.maps.known)
    for (let i = 0; i < 4; i++) map.update(Uint32Array.of(i), new Uint8Array(8))
    expect(() => map.update(Uint32Array.of(4), new Uint8Array(8))).toThrow(
      expect.objectContaining({ code: 'ERR_BPF_MAP_FULL', errno: 'E2BIG' }),
    )
    expect(() => map.lookup(new Uint8Array(3))).toThrow('A key of the map numbers has 4 bytes, not 3')
    expect(() => map.update(new Uint8Array(4), new Uint8Array(4))).toThrow('A value of the map numbers has 8 bytes')
  })

  it('has a value on each possible CPU', () => {
    const cpus = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim()
    using map = BpfMap.create('per_cpu', sample.maps.hits)
    expect(`0-${map.copies - 1}`.replace(/^0-0$/, '0')).toBe(cpus)
    const values = new BigUint64Array(map.copies).map((_, i) => BigInt(i + 1))
    map.update(Uint32Array.of(3), values)
    expect(hitsOf(map, 3)).toBe((map.copies * (map.copies + 1)) / 2)
  })

  it('shares its memory: what is stored there a program sees, also when the map is closed here', () => {
    using loaded = loadObject(sample)
    const words = new Uint32Array(loaded.maps.words.memory())
    const step = 2 // values lie at multiples of 8 bytes
    words[1 * step] = XDP_DROP
    expect(loaded.programs.tell.testRun({ data: FRAME }).verdict).toBe(XDP_DROP)
    loaded.maps.words.close()
    words[1 * step] = XDP_PASS
    expect(loaded.programs.tell.testRun({ data: FRAME }).verdict).toBe(XDP_PASS)
    expect(words[2 * step]).toBe(2) // the program counts there
  })

  it('is not changed any more once it is frozen', () => {
    using map = BpfMap.create('frozen', sample.maps.known)
    map.freeze()
    expect(() => map.update(Uint32Array.of(0), new Uint8Array(8))).toThrow(
      expect.objectContaining({ code: 'ERR_BPF_PERMISSION', errno: 'EPERM' }),
    )
  })

  it('is closed once, and never reaches another map whose descriptor has its number', () => {
    const map = BpfMap.create('twice', sample.maps.known)
    const number = map.fd
    map.close()
    using other = BpfMap.create('other', sample.maps.known)
    expect(other.fd).toBe(number)
    map.close()
    expect(other.lookup(Uint32Array.of(0))).toBeUndefined()
    expect(map.fd).toBe(-1)
    expect(() => map.lookup(Uint32Array.of(0))).toThrow('Could not look a key up in the map twice: EBADF')
  })
})

describe('BpfProgram', () => {
  it('runs on a packet and says what it returned, how the packet is then, and how long it took', () => {
    using loaded = loadObject(sample)
    const run = loaded.programs.first.testRun({ data: FRAME, repeat: 10_000 })
    expect(run).toMatchObject({ verdict: XDP_PASS, context: undefined })
    expect(run.data).toHaveLength(64)
    expect(run.duration).toBeGreaterThan(0)
    expect(run.duration).toBeLessThan(10_000)
  })

  it('is undefined where nothing is pinned', () => {
    expect(BpfProgram.open('/sys/fs/bpf/udp-dsr-nothing')).toBeUndefined()
    expect(BpfMap.open('/sys/fs/bpf/udp-dsr-nothing')).toBeUndefined()
  })
})

describe('RingBuffer', () => {
  const prepare = () => {
    const loaded = loadObject(sample, { programs: ['tell'] })
    const words = new Uint32Array(loaded.maps.words.memory())
    words[2] = XDP_PASS
    const tell = (bytes: number, repeat = 1) => {
      words[0] = bytes
      return loaded.programs.tell.testRun({ data: FRAME, repeat }).verdict
    }
    return { loaded, tell, ring: new RingBuffer(loaded.maps.events) }
  }

  it('gives records of any length, in order, round and round', () => {
    const { loaded, tell, ring } = prepare()
    using _ = loaded
    expect(ring.read(() => expect.unreachable())).toBe(0)
    const lengths: number[] = []
    let next = 0
    // 2000 records of 16 to 40 bytes with their heads: a dozen times round a ring of 4096.
    for (let i = 0; i < 2000; i++) {
      const bytes = 1 + (i % 31)
      lengths.push(bytes)
      expect(tell(bytes)).toBe(XDP_PASS)
      if (i % 50 !== 49) continue
      const count = ring.read((record) => {
        expect(record).toHaveLength(lengths[next]!)
        const whole = new BigUint64Array(4).fill(BigInt(next))
        expect(record).toEqual(new Uint8Array(whole.buffer, 0, record.length))
        next++
      })
      expect(count).toBe(50)
    }
    expect(next).toBe(2000)
  })

  it('is full when nobody reads, and has room again when somebody did', () => {
    const { loaded, tell, ring } = prepare()
    using _ = loaded
    expect(tell(24, 1000)).toBe(XDP_DROP)
    const count = ring.read(() => {})
    expect(count).toBeGreaterThan(100)
    expect(count).toBeLessThanOrEqual(4096 / 32)
    expect(tell(24)).toBe(XDP_PASS)
    expect(ring.read(() => {})).toBe(1)
  })

  it('goes on behind a record whose listener threw', () => {
    const { loaded, tell, ring } = prepare()
    using _ = loaded
    tell(8, 3)
    const fail = () => {
      throw new Error('mine')
    }
    expect(() => ring.read(fail)).toThrow('mine')
    const numbers: number[] = []
    expect(ring.read((record) => numbers.push(record[0]!))).toBe(2)
    expect(numbers).toEqual([1, 2])
  })

  it('refuses a map that is none', () => {
    using map = BpfMap.create('numbers', sample.maps.known)
    expect(() => new RingBuffer(map)).toThrow(expect.objectContaining({ code: 'ERR_BPF_SYSTEM' }))
  })
})

function thrown(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  return expect.unreachable()
}
