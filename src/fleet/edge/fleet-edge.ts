import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { Discovery, type EtcdOptions, type HeldRemoval, type Member, type Membership } from '../../discovery/index.js'
import {
  type EdgeEvent,
  type EdgeExplanation,
  Forwarder,
  type ForwarderChange,
  type KernelAnswer,
} from '../../forwarder/index.js'
import type { Flow } from '../../pinning/index.js'
import type { FleetConfig } from '../config/fleet-config.js'
import { forwarderConfig, forwarderOptions, type PoolMembers } from '../config/forwarder.js'
import { placeRefusal } from '../config/refusal.js'
import { HealthMonitor, type HealthTarget } from '../health/index.js'
import { Alarms } from './alarms.js'
import { healthOptions } from './health-options.js'
import { poolMembers } from './members.js'
import { Peers } from './peers.js'
import { etcdsOf, providersOf } from './providers.js'
import type { Alarm, EdgeStatus, PoolStatus } from './status.js'

/** What was done to follow a change. */
export interface Applied extends ForwarderChange {
  /** Of the members that were found. */
  digest: string
  unreachable: string[]
  milliseconds: number
}

export interface FleetEdgeEvents {
  /** Another state of things is followed. */
  applied: [applied: Applied]
  /** Something is wrong, or no longer. */
  alarm: [alarm: Alarm, raised: boolean]
}

/** File of the last good state in `state_dir`. */
const STATE_FILE = 'members.json'
/** Milliseconds after which something that could not be followed is tried again. */
const RETRY_MS = 1000

/**
 * An edge of a fleet: a `Forwarder` that follows a config, where members of its pools come from, and what checks say of them. No
 * failure of a store takes backends out: see `Discovery`, `HealthMonitor`.
 */
export class FleetEdge extends EventEmitter<FleetEdgeEvents> implements AsyncDisposable {
  readonly #forwarder: Forwarder
  readonly #name: string
  readonly #started = new Date()
  readonly #alarms: Alarms
  readonly #health: HealthMonitor
  #config: FleetConfig
  /** The config that checks follow. */
  #checking: FleetConfig | undefined
  /** What is listened to, as a text. */
  #sources = ''
  #discovery: Discovery | undefined
  #peers: Peers | undefined
  /** What was found; pools that nothing was found of yet are as they were. */
  #found = new Map<string, readonly Member[]>()
  #members: PoolMembers = {}
  #digest = ''
  #following: Promise<void> = Promise.resolve()
  #applying: Promise<unknown> = Promise.resolve()
  #reloading: Promise<unknown> = Promise.resolve()
  #ending: Promise<void> | undefined
  /** Whether there is something that is not followed yet. */
  #due = false
  /** Alarms of pools that would have too few backends. */
  readonly #floors = new Map<string, string>()
  #retry: NodeJS.Timeout | undefined
  #applied: EdgeStatus['applied'] = { count: 0, at: undefined, milliseconds: 0 }
  #ended = false

  private constructor(forwarder: Forwarder, config: FleetConfig) {
    super()
    this.#forwarder = forwarder
    this.#config = config
    this.#name = config.edge!.name
    this.#alarms = new Alarms((alarm, raised) => this.emit('alarm', alarm, raised))
    this.#health = new HealthMonitor().unref()
    this.#health.on('change', ({ state, was }) => {
      if (state !== was) void this.#follow()
    })
    this.#health.on('floor', ({ pool, reached, failing, backends, kept }) => {
      const message = `${failing} of ${backends} backends of ${pool} fail, and ${kept} of them stay in service`
      if (reached) this.#floors.set(pool, message)
      else this.#floors.delete(pool)
      this.#alarms.set('floor', [...this.#floors.values()])
    })
  }

  /**
   * Attaches the edge's program and follows the config. Resolves when what is known at once is in force: members of the config, and
   * those that a data plane which it takes over had.
   *
   * @throws ConfigError; what `Forwarder.attach` and `Forwarder.apply` throw
   */
  static async start(config: FleetConfig): Promise<FleetEdge> {
    const forwarder = await Forwarder.attach(forwarderOptions(config)).catch((error: unknown) => {
      throw placeRefusal(config, error)
    })
    const edge = new FleetEdge(forwarder, config)
    try {
      edge.#adopt()
      const etcds = etcdsOf(config)
      await edge.#apply()
      await edge.#listen(etcds)
    } catch (error) {
      await edge.close()
      throw error
    }
    return edge
  }

  get name(): string {
    return this.#name
  }

  get config(): FleetConfig {
    return this.#config
  }

  get mode(): string {
    return this.#forwarder.mode
  }

  get adopted(): boolean {
    return this.#forwarder.adopted
  }

  /** How it is now. */
  get status(): EdgeStatus {
    const { services, reasons, pools, backends } = this.#forwarder.stats()
    const traffic = new Map(backends.map(({ id, address, ...its }) => [`${id} ${address}`, its]))
    const tables = new Map(pools.map((pool) => [pool.name, pool]))
    const nothing = { packets: 0, bytes: 0 }
    const byName = new Map(services.map((service) => [service.name, service]))
    return {
      edge: this.#name,
      interface: this.#forwarder.interface,
      mode: this.#forwarder.mode,
      adopted: this.#forwarder.adopted,
      pid: process.pid,
      started: this.#started.toISOString(),
      digest: this.#digest,
      applied: this.#applied,
      services: this.#config.services.map(({ name, vips, ports, pool }) => {
        const { packets, bytes } = byName.get(name) ?? nothing
        return { name, vips, ports, pool, packets, bytes }
      }),
      pools: Object.entries(this.#config.pools).map(([name, { delivery }]): PoolStatus => {
        const { slots = 0, bytes = 0, digest = '' } = tables.get(name) ?? {}
        const members = this.#members[name] ?? []
        return {
          name,
          delivery,
          slots,
          bytes,
          digest,
          backends: members.map(({ id, address, weight = 1, state = 'up' }) => {
            const health = this.#health.get(name, id)
            return {
              id,
              address,
              weight,
              state,
              ...(health &&
                health.cause !== 'unchecked' && {
                  health: {
                    state: health.checked,
                    reason: health.reason,
                    since: new Date(health.since).toISOString(),
                  },
                }),
              ...(traffic.get(`${id} ${address}`) ?? nothing),
            }
          }),
        }
      }),
      reasons: Object.fromEntries(Object.entries(reasons).filter(([, { packets }]) => packets > 0)),
      held: this.#discovery?.current.held ?? [],
      edges: [...(this.#peers?.digests ?? [])].map(([name, digest]) => ({
        name,
        digest,
        same: digest === this.#digest,
      })),
      alarms: this.#alarms.list,
    }
  }

  /**
   * Follows another config. What is fixed when it is attached ([edge]) stays as it is, and an alarm says so.
   *
   * @throws what `Forwarder.apply` throws, placed in the file: then nothing has changed
   */
  reload(config: FleetConfig): Promise<void> {
    const reloaded = this.#reloading.catch(() => {}).then(() => this.#reloadNow(config))
    this.#reloading = reloaded
    return reloaded
  }

  async #reloadNow(config: FleetConfig): Promise<void> {
    const etcds = etcdsOf(config)
    const before = this.#config
    this.#config = config
    try {
      await this.#apply()
    } catch (error) {
      this.#config = before
      // What the refused one left behind as an alarm goes with this.
      void this.#follow()
      throw error
    }
    const fixed = ({ edge }: FleetConfig) => JSON.stringify(edge && forwarderOptions({ edge } as FleetConfig))
    const changed = fixed(before) !== fixed(config) ? ['[edge] has changed: that takes a restart'] : []
    this.#alarms.set('restart', changed)
    await this.#listen(etcds)
  }

  /** Where a flow goes, and why. @throws as `Forwarder.explain` */
  explain(flow: Flow, datagram?: Uint8Array): EdgeExplanation {
    return this.#forwarder.explain(flow, datagram)
  }

  /** What the kernel's tables have for it. @throws as `Forwarder.inspect` */
  inspect(flow: Flow): KernelAnswer {
    return this.#forwarder.inspect(flow)
  }

  /** A sample of the packets. @throws as `Forwarder.events` */
  events(signal?: AbortSignal): AsyncGenerator<EdgeEvent, void, undefined> {
    return this.#forwarder.events({ signal })
  }

  /** Lets members go whose removal is held back. */
  accept(pool?: string): HeldRemoval[] {
    return this.#discovery?.accept(pool) ?? []
  }

  /** Ends this instance. With a `pin_path` the data plane goes on. */
  close(): Promise<void> {
    this.#ending ??= this.#end(() => this.#forwarder.close())
    return this.#ending
  }

  /** Takes the data plane away. */
  detach(): Promise<void> {
    this.#ending ??= this.#end(() => this.#forwarder.detach())
    return this.#ending
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #end(last: () => Promise<void>): Promise<void> {
    this.#ended = true
    clearTimeout(this.#retry)
    await this.#stopListening()
    await this.#health.close()
    await this.#applying.catch(() => {})
    await last()
  }

  /** What a data plane that was taken over had is what was found, until something is. */
  #adopt(): void {
    const { config } = this.#forwarder
    for (const [name, { discover }] of Object.entries(this.#config.pools)) {
      const backends = config?.pools[name]?.backends
      if (discover.length === 0 || backends === undefined) continue
      this.#found.set(
        name,
        // Checks begin anew.
        backends.map(({ state, ...backend }) => ({ pool: name, ...backend, ...(state === 'draining' && { state }) })),
      )
    }
  }

  /** Listens to the sources of the config, unless that is done already. */
  async #listen(etcds: ReadonlyMap<string, EtcdOptions>): Promise<void> {
    const sources = sourcesOf(this.#config, etcds)
    if (sources === this.#sources || this.#ended) return
    await this.#stopListening()
    if (this.#ended) return
    this.#sources = sources
    const providers = providersOf(this.#config, etcds)
    if (providers.length === 0) {
      this.#found.clear()
      this.#digest = ''
      this.#alarmsOf({ stale: [], held: [], unreadable: [], stateFailure: undefined })
      void this.#follow()
      return
    }
    const stateDir = this.#config.edge?.state_dir
    const discovery = new Discovery({
      providers,
      mostRemoved: this.#config.removal.most,
      ...(stateDir !== undefined && { stateFile: join(stateDir, STATE_FILE) }),
    })
    this.#discovery = discovery
    this.#peers = new Peers([...etcds.values()], this.#name, () => this.#comparePeers())
    this.#following = this.#hear(discovery)
  }

  async #stopListening(): Promise<void> {
    const [discovery, peers] = [this.#discovery, this.#peers]
    this.#discovery = undefined
    this.#peers = undefined
    await Promise.all([discovery?.close(), peers?.close()])
    await this.#following
  }

  async #hear(discovery: Discovery): Promise<void> {
    for await (const membership of discovery) {
      this.#alarmsOf(membership)
      if (membership.changed.length === 0 && membership.digest === this.#digest) continue
      this.#found = new Map(membership.pools)
      this.#digest = membership.digest
      await this.#follow()
    }
  }

  #alarmsOf({
    stale,
    held,
    unreadable,
    stateFailure,
  }: Pick<Membership, 'stale' | 'held' | 'unreadable' | 'stateFailure'>): void {
    this.#alarms.set('state', stateFailure === undefined ? [] : [`what is known is not kept: ${stateFailure.message}`])
    this.#alarms.set(
      'stale',
      stale.map(({ provider, reason }) => `${provider} is away: ${reason.message}`),
    )
    this.#alarms.set(
      'held',
      held.map(
        ({ pool, removed, of }) =>
          `${removed.length} of ${of} members of ${pool} are gone, and stay in force: ${listed(removed)}. Accept it with udp-dsr edge accept ${pool}`,
      ),
    )
    this.#alarms.set(
      'unreadable',
      unreadable.map(({ reason }) => reason.message),
    )
  }

  #comparePeers(): void {
    const other = [...(this.#peers?.digests ?? [])].filter(([, digest]) => digest !== this.#digest && digest !== '')
    this.#alarms.set(
      'digest',
      other.map(([name, digest]) => `the edge ${name} follows other members (${digest.slice(0, 8)})`),
    )
  }

  /** Follows what there is, and tries again when that fails. */
  async #follow(): Promise<void> {
    if (this.#due || this.#ended) return
    this.#due = true
    clearTimeout(this.#retry)
    try {
      await this.#apply()
    } catch {
      // Told as an alarm.
      if (!this.#ended) this.#retry = setTimeout(() => void this.#follow(), RETRY_MS).unref()
    }
  }

  /** Lets these be checked, as the config says. */
  #check(config: FleetConfig, members: PoolMembers): void {
    if (this.#checking !== config) {
      const pools = Object.entries(config.pools).flatMap(([pool, { health }]) =>
        health === undefined ? [] : [[pool, healthOptions(health)] as const],
      )
      this.#health.configure(Object.fromEntries(pools))
      this.#checking = config
    }
    this.#health.update(checked(config, members))
  }

  #apply(): Promise<void> {
    const applied = this.#applying.catch(() => {}).then(() => this.#applyNow())
    this.#applying = applied
    return applied
  }

  async #applyNow(): Promise<void> {
    this.#due = false
    if (this.#ended) return
    const config = this.#config
    const start = performance.now()
    const known = poolMembers(config, this.#found, () => false)
    this.#check(config, known)
    const members = poolMembers(config, this.#found, (pool, id) => this.#health.get(pool, id)?.state === 'down')
    try {
      const { unreachable, ...change } = await this.#forwarder.apply(forwarderConfig(config, members))
      this.#members = members
      const milliseconds = performance.now() - start
      const { count } = this.#applied
      this.#applied = {
        count: count + 1,
        at: new Date().toISOString(),
        milliseconds: Math.round(milliseconds * 10) / 10,
      }
      this.#alarms.set('apply', [])
      this.#alarms.set(
        'unreachable',
        unreachable.map((address) => `there is no way to ${address}`),
      )
      if (this.#peers !== undefined) this.#peers.digest = this.#digest
      this.#comparePeers()
      this.emit('applied', { ...change, unreachable, digest: this.#digest, milliseconds })
    } catch (error) {
      const placed = placeRefusal(config, error)
      this.#alarms.set('apply', [placed instanceof Error ? placed.message : String(placed)])
      throw placed
    }
  }
}

/** Who is checked: not those who are down by the word of others. */
function checked(config: FleetConfig, members: PoolMembers): HealthTarget[] {
  const pools = Object.entries(config.pools).filter(([, { health }]) => health !== undefined)
  return pools.flatMap(([pool]) => {
    const serving = (members[pool] ?? []).filter(({ state }) => state !== 'down')
    return serving.map(({ id, address }) => ({ pool, id, address }))
  })
}

/** What the sources of a config are, and what their files have, as a text that tells no secret. */
function sourcesOf({ discovery, pools, removal }: FleetConfig, etcds: ReadonlyMap<string, EtcdOptions>): string {
  const asked = Object.entries(pools).map(([name, { discover }]) => [name, discover])
  return createHash('sha256')
    .update(JSON.stringify([discovery, [...etcds], asked, removal]))
    .digest('hex')
}

const MOST_LISTED = 5

function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).join(', ')
  return names.length > MOST_LISTED ? `${first}, … (${names.length})` : first
}
