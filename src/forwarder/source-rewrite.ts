import { randomBytes } from 'node:crypto'
import {
  type Attachment,
  attachCgroup,
  attachTc,
  encode,
  interfaceByName,
  type LoadedObject,
  layouts,
  loadObject,
  type NetworkInterface,
  settingsOf,
  sourceRewriteObject,
  type TcHook,
} from '../bpf/index.js'
import { checkInteger, checkOptions, checkString } from '../errors/checks.js'
import { forwarderDetached, invalidArgType, invalidArgValue, unknownOption } from '../errors.js'
import { isIPv4, type MappedAddress, readAddress, textOf } from './address.js'
import { AddressTable, type EntryKey } from './address-table.js'
import { type Traffic, trafficOf } from './counters.js'
import { waitForPackets } from './grace-period.js'

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
  /** For programs that send without having been asked. They come before what was learned. */
  rules?: readonly SourceRule[] | undefined
}

export interface SourceRewriteOptions extends SourceRewriteConfig {
  /** Where requests come in. Replies that leave through it are rewritten. */
  interface: string
  /**
   * How replies are given their source. Default `auto`: TCX, or clsact on kernels before 6.6, in the packet. `cgroup`: where the
   * program sends, for sockets that were opened in a control group only.
   */
  hook?: TcHook | 'auto' | 'cgroup' | undefined
  /** With `cgroup`: directory of the control group, `/sys/fs/cgroup/my.service`. */
  cgroup?: string | undefined
  /** With `cgroup`: local ports of the programs that it is for, at most 1024; others of the control group are left alone. */
  ports?: readonly number[] | undefined
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
  'flows',
  'idle',
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
 * clsact: see `detach`).
 */
export class SourceRewrite {
  readonly interface: string
  /** What replies go through. */
  readonly hook: TcHook | 'cgroup'
  readonly #loaded: LoadedObject<typeof sourceRewriteObject>
  readonly #attachments: Attachment[]
  readonly #table: AddressTable
  readonly #ruleMemory: Uint16Array<ArrayBuffer>
  #vips = new Map<string, number>()
  /** Places in `#ruleMemory`. */
  #rules = new Set<number>()
  /** Indices that were VIPs', in the order in which they were left. What was learned may refer to them. */
  #left: number[] = []
  #detached = false

  private constructor(
    on: NetworkInterface,
    hook: TcHook | 'cgroup',
    loaded: LoadedObject<typeof sourceRewriteObject>,
    attachments: Attachment[],
  ) {
    this.interface = on.name
    this.hook = hook
    this.#loaded = loaded
    this.#attachments = attachments
    this.#table = new AddressTable(loaded.maps.vips.memory(), 'vips', 'Name fewer VIPs')
    this.#ruleMemory = new Uint16Array(loaded.maps.rewriteRules.memory())
  }

  /**
   * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_PERMISSION, ERR_BPF_INTERFACE, ERR_BPF_VERIFIER,
   * ERR_BPF_SYSTEM; UnsupportedKernelError (`tcx`); UnsupportedPlatformError
   */
  static async attach(options: SourceRewriteOptions): Promise<SourceRewrite> {
    const { hook, ports, flows, idle } = readOptions(options)
    const wanted = readWanted(options)
    const on = interfaceByName(options.interface)
    const sets = flows / layouts.FlowConstant.flowWays
    const secret = randomBytes(SECRET_BYTES)
    const loaded = loadObject(sourceRewriteObject, {
      entries: { requests: sets, fragments: sets, vips: BUCKETS },
      settings: settingsOf(RewriteSettings, {
        secret: { words: [secret.readUInt32LE(0), secret.readUInt32LE(4)] },
        learned: 1,
        rules: 1,
        linkBytes: on.ethernet ? ETHERNET_BYTES : 0,
        flowSets: sets,
        flowIdle: Math.ceil((idle * 1e9) / 2 ** 30),
        buckets: BUCKETS,
      }),
    })
    const attachments: Attachment[] = []
    try {
      const { programs, maps } = loaded
      for (const port of ports) maps.rewritePorts.update(networkOrder(port), Uint8Array.of(1))
      const at = { interface: on, hook: hook === 'cgroup' ? ('auto' as const) : hook }
      const learner = attachTc({ program: programs.rewriteIngress, direction: 'ingress', ...at })
      attachments.push(learner.link)
      if (hook === 'cgroup') {
        const cgroup = options.cgroup!
        attachments.unshift(attachCgroup({ program: programs.rewriteSendmsg4, cgroup, hook: 'sendmsg4' }))
        attachments.unshift(attachCgroup({ program: programs.rewriteSendmsg6, cgroup, hook: 'sendmsg6' }))
      } else {
        attachments.unshift(attachTc({ program: programs.rewriteEgress, direction: 'egress', ...at }).link)
      }
      const rewrite = new SourceRewrite(on, hook === 'cgroup' ? hook : learner.hook, loaded, attachments)
      rewrite.#publish(wanted)
      return rewrite
    } catch (error) {
      end(attachments)
      loaded.close()
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
    const { reasonCounters } = this.#loaded.maps
    return {
      rewritten: trafficOf(reasonCounters, Reason.rewritten),
      unknown: trafficOf(reasonCounters, Reason.unknownFlow),
    }
  }

  /** Takes the programs away. With clsact they would stay when the process ends; all others go with it. */
  async detach(): Promise<void> {
    if (this.#detached) return
    this.#detached = true
    end(this.#attachments)
    this.#loaded.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach()
  }

  /** A VIP keeps its index as long as it is one: what was learned refers to it. */
  #publish({ vips, rules }: Wanted): void {
    const { maps } = this.#loaded
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
    for (const [text, index] of this.#vips) {
      if (next.has(text)) continue
      this.#table.delete(entryOf(readAddress('vip', text)))
      // What was learned of it leads nowhere from now on.
      maps.rewriteVips.update(Uint32Array.of(index), new Uint8Array(Vip.size))
      this.#left.push(index)
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
    if (this.#detached) throw forwarderDetached(this.interface)
  }
}

/** In the order in which they lie: what changes packets first, what learns last. */
function end(attachments: Attachment[]): void {
  for (const attachment of attachments.splice(0)) {
    attachment.detach()
    attachment.close()
  }
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
  const { hook = 'auto', flows = DEFAULT_FLOWS, idle = DEFAULT_IDLE, ports } = options
  if (!HOOKS.includes(hook))
    throw invalidArgValue('options.hook', `must be one of ${HOOKS.map((one) => `'${one}'`).join(', ')}`, hook)
  checkInteger('options.flows', flows, 4, MOST_FLOWS)
  if ((flows & (flows - 1)) !== 0) throw invalidArgValue('options.flows', 'must be a power of two', flows)
  checkInteger('options.idle', idle, 1, LONGEST_IDLE)
  if (hook === 'cgroup') {
    checkString('options.cgroup', options.cgroup)
    if (!Array.isArray(ports)) throw invalidArgType('options.ports', 'an array of ports', ports)
  }
  for (const [i, port] of (ports ?? []).entries()) checkInteger(`options.ports[${i}]`, port, 1, 65_535)
  return { hook, flows, idle, ports: ports ?? [] }
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
