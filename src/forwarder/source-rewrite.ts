import { randomBytes } from 'node:crypto'
import {
  attachCgroup,
  attachTc,
  type BpfMap,
  type BpfProgram,
  encode,
  interfaceByName,
  layouts,
  type NetworkInterface,
  settingsOf,
  sourceRewriteObject,
  type TcHook,
} from '../bpf/index.js'
import { checkInteger, checkOptions, checkPowerOfTwo, checkString } from '../errors/checks.js'
import { forwarderDetached, invalidArgType, invalidArgValue, otherPins, unknownOption } from '../errors.js'
import { isIPv4, type MappedAddress, readAddress, textOf } from './address.js'
import { AddressTable, type EntryKey } from './address-table.js'
import { type Traffic, trafficOf } from './counters.js'
import { checkPinPath, DataPlane, type PinOptions } from './data-plane.js'
import { idleUnits } from './flow-memory.js'
import { waitForPackets } from './grace-period.js'
import { readManifest, writeManifest } from './manifest.js'

const { Reason, RewriteConstant, RewriteSettings, Vip } = layouts

/** Which datagrams leave from which VIP, whoever asked. */
export interface SourceRule {
  /** Local port of the program. */
  port: number
  /** A VIP. */
  from: string
}

/** What can be changed while it is attached. */
export interface SourceRewriteConfig {
  /** Addresses that clients ask: at most 1024. A reply goes out from the one that its request came to. */
  vips: readonly string[]
  /** For programs that send without having been asked, and for all of them without `learn`. They come before what was learned. */
  rules?: readonly SourceRule[] | undefined
}

export interface SourceRewriteOptions extends SourceRewriteConfig, PinOptions {
  /** Where requests come in. Replies that leave through it are rewritten. */
  interface: string
  /**
   * How replies are given their source. Default `auto`: TCX, or clsact on kernels before 6.6, in the packet (with `pinPath` TCX only). `cgroup`: where the
   * program sends, for sockets that were opened in a control group only.
   */
  hook?: TcHook | 'auto' | 'cgroup' | undefined
  /** With `cgroup`: directory of the control group, `/sys/fs/cgroup/my.service`. */
  cgroup?: string | undefined
  /** With `cgroup`: local ports of the programs that it is for, at most 1024; others of the control group are left alone. */
  ports?: readonly number[] | undefined
  /**
   * Whether replies follow the requests that came in, default true. Without, only `rules` count, and nothing is looked at as it comes
   * in: it costs less, for servers whose ports have one VIP each.
   */
  learn?: boolean | undefined
  /** Requests that are remembered at least, a power of two, 4 – 2²⁴; default 65,536. 16 bytes each. */
  flows?: number | undefined
  /** Seconds after which a request is forgotten, default 120. */
  idle?: number | undefined
}

export interface SourceRewriteStats {
  /** Datagrams that were given another source. With `cgroup` without their bytes. */
  rewritten: Traffic
  /** Datagrams that answered no request that is remembered, and left as they were; not counted with `cgroup`. */
  unknown: Traffic
}

const OPTIONS: readonly (keyof SourceRewriteOptions)[] = [
  'interface',
  'vips',
  'rules',
  'hook',
  'cgroup',
  'ports',
  'learn',
  'flows',
  'idle',
  'pinPath',
]
const HOOKS = ['auto', 'tcx', 'clsact', 'cgroup'] as const
const MOST = 1024
const DEFAULT_FLOWS = 65_536
const MOST_FLOWS = 2 ** 24
const DEFAULT_IDLE = 120
const LONGEST_IDLE = 86_400
const SECRET_BYTES = 8
const ETHERNET_BYTES = 14
/** Four places for each VIP. */
const BUCKETS = MOST
/** Where those of IPv6 begin. */
const RULES_OF_IPV6 = RewriteConstant.ipv6 * RewriteConstant.ports

/** What is pinned beside the maps. */
interface Manifest {
  /** Hexadecimal digits: what was learned is found by it. */
  secret: string
  hook: SourceRewrite['hook']
  cgroup: string | undefined
  learn: boolean
  left: number[]
}

/** Of what the maps hold and of the manifest. */
const VERSION = 1

interface Wanted {
  vips: readonly MappedAddress[]
  rules: readonly { port: number; from: MappedAddress }[]
}

/**
 * Gives the replies of programs that know nothing of VIPs the right source: programs in any language, unchanged, bound to the
 * wildcard address.
 *
 * Requests are seen as they come in, and the VIP that each client asked last is remembered; its replies leave from there, with
 * checksums as they must be, fragmented or not, and those that the kernel cuts (UDP_SEGMENT), too. What leaves from a VIP
 * already is left alone. Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15. Ends with the process (but for
 * clsact: see `detach`), unless it has a `pinPath`: then it goes on, and the next instance with that path takes it over with all
 * that was learned.
 */
export class SourceRewrite {
  readonly interface: string
  /** What replies go through. */
  readonly hook: TcHook | 'cgroup'
  /** Whether it found a data plane at `pinPath`, and took it over. */
  readonly adopted: boolean
  readonly #plane: DataPlane<typeof sourceRewriteObject>
  readonly #table: AddressTable
  readonly #ruleMemory: Uint16Array<ArrayBuffer>
  readonly #manifest: Manifest
  #vips: Map<string, number>
  /** Places in `#ruleMemory`. */
  #rules: Set<number>
  /** Indices that were VIPs', in the order in which they were left. What was learned may refer to them. */
  #left: number[]
  #ended = false

  private constructor(on: NetworkInterface, plane: DataPlane<typeof sourceRewriteObject>, manifest: Manifest) {
    this.interface = on.name
    this.hook = manifest.hook
    this.adopted = plane.adopted
    this.#plane = plane
    this.#manifest = manifest
    this.#table = new AddressTable(plane.maps.vips.memory(), 'vips', 'Name fewer VIPs')
    this.#ruleMemory = new Uint16Array(plane.maps.rewriteRules.memory())
    this.#vips = new Map([...this.#table.entries()].map(({ address, value }) => [textOf(address), value]))
    this.#rules = new Set([...this.#ruleMemory.keys()].filter((place) => this.#ruleMemory[place] !== 0))
    this.#left = manifest.left
  }

  /**
   * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_PERMISSION, ERR_BPF_INTERFACE, ERR_BPF_VERIFIER,
   * ERR_BPF_SYSTEM; with `pinPath` ERR_BPF_FILESYSTEM, ERR_BPF_LOCKED, ERR_BPF_INCOMPATIBLE (other `flows`, `learn`, interface or hook);
   * UnsupportedKernelError (`tcx`); UnsupportedPlatformError
   */
  static async attach(options: SourceRewriteOptions): Promise<SourceRewrite> {
    const { hook, ports, learn, flows, idle, pinPath, cgroup } = readOptions(options)
    const wanted = readWanted(options)
    const on = interfaceByName(options.interface)
    const sets = flows / layouts.FlowConstant.flowWays
    const entries = { requests: learn ? sets : 1, fragments: sets, vips: BUCKETS }
    const fresh = randomBytes(SECRET_BYTES).toString('hex')
    let found: Manifest | undefined
    const plane = DataPlane.load(sourceRewriteObject, {
      pinPath,
      entries,
      settings: (folder) => {
        found = folder && readManifest<Manifest>(folder, VERSION)
        const secret = Buffer.from(found?.secret ?? fresh, 'hex')
        return settingsOf(RewriteSettings, {
          secret: { words: [secret.readUInt32LE(0), secret.readUInt32LE(4)] },
          learned: Number(learn),
          rules: 1,
          linkBytes: on.ethernet ? ETHERNET_BYTES : 0,
          flowSets: sets,
          flowIdle: idleUnits(idle),
          buckets: BUCKETS,
        })
      },
    })
    try {
      const manifest = found ?? { secret: fresh, hook: 'tcx', cgroup, learn, left: [] }
      if (found === undefined) {
        manifest.hook = attachAll(plane, on, { hook, cgroup, learn })
        if (plane.folder) writeManifest(plane.folder, VERSION, manifest)
      } else {
        const same = hook === 'auto' ? found.hook !== 'cgroup' : found.hook === hook
        if (!same || found.cgroup !== cgroup) {
          throw otherPins(
            plane.folder!.path,
            `has the hook '${found.hook}'${found.cgroup ? ` on ${found.cgroup}` : ''}`,
          )
        }
        if (found.learn !== learn) throw otherPins(plane.folder!.path, `has learn: ${found.learn}, not ${learn}`)
        attachAll(plane, on, found)
      }
      namePorts(plane.maps.rewritePorts, ports)
      const rewrite = new SourceRewrite(on, plane, manifest)
      rewrite.#publish(wanted)
      return rewrite
    } catch (error) {
      plane.abandon()
      throw error
    }
  }

  /**
   * Follows other VIPs and rules. What was learned of VIPs that stay is kept.
   *
   * @throws ArgumentTypeError, ArgumentRangeError; ForwarderError ERR_FORWARDER_DETACHED
   */
  async apply(config: SourceRewriteConfig): Promise<void> {
    this.#checkAttached()
    const { vips, rules } = config
    this.#publish(readWanted({ vips, rules }))
  }

  /** @throws ForwarderError ERR_FORWARDER_DETACHED */
  stats(): SourceRewriteStats {
    this.#checkAttached()
    const { reasonCounters } = this.#plane.maps
    return {
      rewritten: trafficOf(reasonCounters, Reason.rewritten),
      unknown: trafficOf(reasonCounters, Reason.unknownFlow),
    }
  }

  /** Takes the programs and all pins away. With clsact the programs would stay when the process ends. */
  async detach(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#plane.detach()
  }

  /** Ends this instance. With a `pinPath` the data plane goes on as it is, else it is taken away. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#plane.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A VIP keeps its index as long as it is one: what was learned refers to it. */
  #publish({ vips, rules }: Wanted): void {
    const { maps, folder } = this.#plane
    const next = new Map<string, number>()
    const taken = new Set(this.#vips.values())
    for (const vip of vips) {
      const text = textOf(vip)
      let index = this.#vips.get(text)
      if (index === undefined) {
        index = this.#freeIndex(taken)
        taken.add(index)
        maps.rewriteVips.update(Uint32Array.of(index), encode(Vip, { address: vip }))
        this.#table.set(entryOf(vip), index)
      }
      next.set(text, index)
    }
    const kept = new Set<number>()
    for (const { port, from } of rules) {
      const place = port + (isIPv4(from) ? 0 : RULES_OF_IPV6)
      Atomics.store(this.#ruleMemory, place, next.get(textOf(from))! + 1)
      kept.add(place)
    }
    for (const place of this.#rules) if (!kept.has(place)) Atomics.store(this.#ruleMemory, place, 0)
    const gone = [...this.#vips].filter(([text]) => !next.has(text))
    this.#manifest.left = this.#left = [...this.#left, ...gone.map(([, index]) => index)]
    if (folder) writeManifest(folder, VERSION, this.#manifest)
    for (const [text, index] of gone) {
      this.#table.delete(entryOf(readAddress('vip', text)))
      // What was learned of it leads nowhere from now on.
      maps.rewriteVips.update(Uint32Array.of(index), new Uint8Array(Vip.size))
    }
    this.#vips = next
    this.#rules = kept
    if (!this.#table.resting) return
    waitForPackets()
    this.#table.rested()
  }

  /** One that never was a VIP's, or was left longest ago. */
  #freeIndex(taken: ReadonlySet<number>): number {
    for (let index = 0; index < MOST; index++) if (!taken.has(index) && !this.#left.includes(index)) return index
    return this.#left.shift()!
  }

  #checkAttached(): void {
    if (this.#ended) throw forwarderDetached(this.interface)
  }
}

/**
 * First what learns, then what changes packets.
 *
 * @returns the hook that it came to be
 */
function attachAll(
  plane: DataPlane<typeof sourceRewriteObject>,
  on: NetworkInterface,
  { hook, cgroup, learn }: Pick<Manifest, 'cgroup' | 'learn'> & { hook: SourceRewrite['hook'] | 'auto' },
): SourceRewrite['hook'] {
  const { rewriteIngress, rewriteEgress, rewriteSendmsg4, rewriteSendmsg6 } = plane.programs
  // A program that is attached by clsact has no link that could be pinned.
  const pinned = plane.folder !== undefined
  const tcHook = hook === 'auto' || hook === 'cgroup' ? (pinned ? 'tcx' : 'auto') : hook
  let attachedBy: TcHook = 'tcx'
  const attach = (direction: 'ingress' | 'egress', program: BpfProgram) =>
    plane.attach(direction, program, on, () => {
      const attached = attachTc({ program, direction, interface: on, hook: tcHook })
      attachedBy = attached.hook
      return attached.link
    })
  if (learn) attach('ingress', rewriteIngress)
  if (hook !== 'cgroup') {
    attach('egress', rewriteEgress)
    return attachedBy
  }
  for (const [name, program] of [
    ['sendmsg4', rewriteSendmsg4],
    ['sendmsg6', rewriteSendmsg6],
  ] as const) {
    plane.attach(name, program, undefined, () => attachCgroup({ program, cgroup: cgroup!, hook: name }))
  }
  return hook
}

/** Makes the map have these ports, and no others. */
function namePorts(map: BpfMap, ports: readonly number[]): void {
  const wanted = new Set(ports)
  for (const key of [...map.keys()]) {
    if (!wanted.has(new DataView(key.buffer, key.byteOffset).getUint16(0))) map.delete(key)
  }
  for (const port of ports) map.update(networkOrder(port), Uint8Array.of(1))
}

function entryOf(address: MappedAddress): EntryKey {
  return { address, kind: 0, protocol: 0, block: 0 }
}

function networkOrder(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port)
}

function readOptions(options: SourceRewriteOptions) {
  checkOptions(options, OPTIONS)
  checkString('options.interface', options.interface)
  const { hook = 'auto', learn = true, flows = DEFAULT_FLOWS, idle = DEFAULT_IDLE, ports } = options
  if (!HOOKS.includes(hook))
    throw invalidArgValue('options.hook', `must be one of ${HOOKS.map((one) => `'${one}'`).join(', ')}`, hook)
  if (typeof learn !== 'boolean') throw invalidArgType('options.learn', 'of type boolean', learn)
  if (!learn && !options.rules?.length) throw invalidArgValue('options.learn', 'needs rules where it is false', learn)
  checkPowerOfTwo('options.flows', flows, 4, MOST_FLOWS)
  checkInteger('options.idle', idle, 1, LONGEST_IDLE)
  if (hook === 'cgroup') {
    checkString('options.cgroup', options.cgroup)
    if (!Array.isArray(ports)) throw invalidArgType('options.ports', 'an array of ports', ports)
  }
  for (const [i, port] of (ports ?? []).entries()) checkInteger(`options.ports[${i}]`, port, 1, 65_535)
  checkPinPath(options)
  if (hook === 'clsact' && options.pinPath !== undefined) {
    throw invalidArgValue('options.pinPath', "is not for the hook 'clsact', which has nothing to pin", options.pinPath)
  }
  const { pinPath, cgroup } = options
  return { hook, learn, flows, idle, ports: ports ?? [], pinPath, cgroup: hook === 'cgroup' ? cgroup : undefined }
}

function readWanted({ vips, rules = [] }: SourceRewriteConfig): Wanted {
  if (!Array.isArray(vips)) throw invalidArgType('options.vips', 'an array of addresses', vips)
  if (vips.length < 1 || vips.length > MOST)
    throw invalidArgValue('options.vips', `must have 1 to ${MOST} addresses`, vips.length)
  const read = vips.map((vip, i) => readAddress(`options.vips[${i}]`, vip))
  if (!Array.isArray(rules)) throw invalidArgType('options.rules', 'an array of rules', rules)
  const known = new Set(read.map(textOf))
  return {
    vips: read,
    rules: rules.map((rule, i) => {
      const name = `options.rules[${i}]`
      if (rule === null || typeof rule !== 'object') throw invalidArgType(name, 'of type object', rule)
      for (const field of Object.keys(rule)) {
        if (field !== 'port' && field !== 'from')
          throw unknownOption(`${name}.${field}`, [`${name}.port`, `${name}.from`])
      }
      checkInteger(`${name}.port`, rule.port, 1, 65_535)
      const from = readAddress(`${name}.from`, rule.from)
      if (!known.has(textOf(from))) throw invalidArgValue(`${name}.from`, 'must be one of the vips', rule.from)
      return { port: rule.port, from }
    }),
  }
}
