import type { ObjectDefinition } from '../bpf/definition.js'
import {
  type Attachment,
  attachXdp,
  BpfLink,
  type BpfMap,
  type BpfProgram,
  type LoadedObject,
  loadObject,
  type NetworkInterface,
  PinFolder,
  type XdpMode,
} from '../bpf/index.js'
import { mapDefinition } from '../bpf/object.js'
import { checkString } from '../errors/checks.js'
import { invalidArgValue, otherPins } from '../errors.js'

/** Where the data plane of one instance is kept, so that it outlives the process. */
export interface PinOptions {
  /**
   * Directory of a BPF filesystem for programs and maps: `/sys/fs/bpf/edge`. What is there already is taken over: it goes on
   * with what it knows, under the programs of this version, and not one packet is lost. One instance at a time has it. Default:
   * none, and all ends with the process.
   */
  pinPath?: string | undefined
}

export interface DataPlaneOptions<D extends ObjectDefinition> extends PinOptions {
  entries?: Partial<Record<keyof D['maps'], number>> | undefined
  /** The struct `settings` of the programs, or what makes it when the pins are there. */
  settings: Uint8Array | ((folder: PinFolder | undefined) => Uint8Array)
  programs?: readonly (keyof D['programs'])[] | undefined
}

/** Begins the name of the pin of an XDP link; its mode ends it. */
const XDP_PIN = 'xdp_'
const MODES = ['native', 'generic'] as const

/** Programs, maps and links of one instance, which end with it, or are pinned. */
export class DataPlane<D extends ObjectDefinition> {
  readonly maps: LoadedObject<D>['maps']
  readonly programs: LoadedObject<D>['programs']
  /** Undefined without pins. */
  readonly folder: PinFolder | undefined
  readonly #loaded: LoadedObject<D>
  readonly #links: Attachment[] = []
  /** Names of the pins that were there before it. */
  readonly #found: ReadonlySet<string>
  #adopted = false

  private constructor(loaded: LoadedObject<D>, folder?: PinFolder, found: ReadonlySet<string> = new Set()) {
    this.maps = loaded.maps
    this.programs = loaded.programs
    this.folder = folder
    this.#loaded = loaded
    this.#found = found
  }

  /** Loads the programs over new maps, or over those that are pinned. Nothing new is left when it fails. */
  static load<const D extends ObjectDefinition>(
    definition: D,
    { pinPath, entries, settings, programs }: DataPlaneOptions<D>,
  ): DataPlane<D> {
    const make = (folder?: PinFolder) => (typeof settings === 'function' ? settings(folder) : settings)
    if (pinPath === undefined) {
      return new DataPlane(loadObject(definition, { entries, settings: make(), programs }))
    }
    const folder = PinFolder.take(pinPath)
    const found = new Set(folder.names())
    const maps: Partial<Record<string, BpfMap>> = {}
    try {
      for (const [name, compiled] of Object.entries(definition.maps)) {
        maps[name] = folder.map(name, mapDefinition(compiled, entries?.[name as keyof D['maps']]))
      }
      const loaded = loadObject(definition, {
        maps: maps as Partial<Record<keyof D['maps'], BpfMap>>,
        settings: make(folder),
        programs,
      })
      return new DataPlane(loaded, folder, found)
    } catch (error) {
      for (const map of Object.values(maps)) map?.close()
      removeBut(folder, found)
      folder.close()
      throw error
    }
  }

  /** Whether a link was found pinned, and taken over. */
  get adopted(): boolean {
    return this.#adopted
  }

  /**
   * Attaches a program, or puts it in the place of the one that is attached already.
   *
   * @throws what `make` throws; BpfError ERR_BPF_INCOMPATIBLE when the pinned link is on another interface
   */
  attach(name: string, program: BpfProgram, on: NetworkInterface | undefined, make: () => Attachment): Attachment {
    const pinned = this.folder && BpfLink.open(this.folder.pin(name))
    if (pinned !== undefined) {
      const ifindex = on && pinned.ifindex
      if (ifindex === on?.ifindex) {
        this.#links.push(pinned)
        // From here on it is not ours to detach when something fails.
        this.#adopted = true
        pinned.update(program)
        return pinned
      }
      pinned.close()
      // An interface that is gone leaves a link to nothing.
      if (ifindex !== 0) throw otherPins(this.folder!.path, `is attached to interface ${ifindex}, not to ${on!.name}`)
      this.folder!.remove(name)
    }
    const made = make()
    this.#links.push(made)
    if (this.folder !== undefined && made instanceof BpfLink) made.pin(this.folder.pin(name))
    return made
  }

  /** `attach` for XDP. A link that is there keeps its mode. */
  attachXdp(program: BpfProgram, on: NetworkInterface, mode: XdpMode | 'auto'): XdpMode {
    const there = MODES.find((one) => this.folder?.names().includes(XDP_PIN + one))
    if (there !== undefined) {
      if (mode !== 'auto' && mode !== there)
        throw otherPins(this.folder!.path, `runs in the mode '${there}', not '${mode}'`)
      this.attach(XDP_PIN + there, program, on, () => attachXdp({ program, interface: on, mode: there }).link)
      return there
    }
    // The name of the pin follows from what comes out.
    const { link, mode: attached } = attachXdp({ program, interface: on, mode })
    this.attach(XDP_PIN + attached, program, on, () => link)
    return attached
  }

  /** Ends this instance: with pins all goes on, without them all is taken away. */
  close(): void {
    try {
      // What clsact attaches would not go by itself.
      if (this.folder === undefined) this.#detachLinks()
    } finally {
      for (const link of this.#links.splice(0)) link.close()
      this.#loaded.close()
      // Without pins they were closed with what was loaded.
      if (this.folder !== undefined) for (const map of Object.values<BpfMap>(this.maps)) map.close()
      this.folder?.close()
    }
  }

  /** Takes everything away, pins too. What cannot be taken away keeps its pins, for another try. */
  detach(): void {
    try {
      this.#detachLinks()
      this.folder?.clear()
    } finally {
      this.close()
    }
  }

  /** For an attach that failed: what was there before it stays, all else goes. */
  abandon(): void {
    try {
      if (!this.#adopted) this.#detachLinks()
      if (this.folder !== undefined) removeBut(this.folder, this.#found)
    } catch {
      // Why the attach failed is what its caller wants to know.
    } finally {
      this.close()
    }
  }

  /** What was attached last goes first. @throws the first failure, after all have been tried */
  #detachLinks(): void {
    const failures: unknown[] = []
    for (const link of this.#links.splice(0).reverse()) {
      try {
        link.detach()
      } catch (error) {
        failures.push(error)
      } finally {
        link.close()
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}

/** @throws ArgumentTypeError, ArgumentRangeError */
export function checkPinPath({ pinPath }: PinOptions): void {
  if (pinPath === undefined) return
  checkString('options.pinPath', pinPath)
  if (!pinPath.startsWith('/')) throw invalidArgValue('options.pinPath', 'must be an absolute path', pinPath)
}

function removeBut(folder: PinFolder, kept: ReadonlySet<string>): void {
  if (kept.size === 0) folder.clear()
  else for (const name of folder.names()) if (!kept.has(name)) folder.remove(name)
}
