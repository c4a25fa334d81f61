import { ethernet, fragmentHeader, ipv4, ipv6, UDP, udp } from '../packet.js'

/** What source_rewrite.bpf.c has to do, from its contract: memories are plain maps, and packets are built anew. */

export interface Datagram {
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
  payload: Uint8Array
  checksum: boolean
  id: number
}

/** Bytes of the first fragment's payload: a multiple of 8. */
const CUT = 32
const MORE = 0x2000

/** The datagram in one frame. */
export function whole(datagram: Datagram): Uint8Array {
  const build = datagram.destination.includes(':') ? ipv6 : ipv4
  return ethernet(build(udp(datagram.payload, datagram), datagram))
}

/** The datagram in two fragments; its payload has more than CUT bytes. */
export function fragments(datagram: Datagram): [Uint8Array, Uint8Array] {
  const bytes = udp(datagram.payload, datagram)
  const parts = [bytes.subarray(0, CUT), bytes.subarray(CUT)] as const
  if (datagram.destination.includes(':')) {
    return [0, 1].map((i) => {
      const options = fragmentHeader(UDP, (i * CUT) / 8, i === 0, datagram.id)
      return ethernet(ipv6(parts[i]!, { ...datagram, options, firstExtension: 44 }))
    }) as [Uint8Array, Uint8Array]
  }
  return [
    ethernet(ipv4(parts[0], { ...datagram, fragment: MORE })),
    ethernet(ipv4(parts[1], { ...datagram, fragment: CUT / 8 })),
  ]
}

const version = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4)

export class RewriteModel {
  readonly #vips: readonly string[]
  readonly #rules: ReadonlyMap<string, string>
  readonly #requests = new Map<string, string>()
  readonly #fragments = new Map<string, string>()

  constructor(vips: readonly string[], rules: readonly { port: number; from: string }[]) {
    this.#vips = vips
    this.#rules = new Map(rules.map(({ port, from }) => [`${port} ${version(from)}`, from]))
  }

  /** A datagram, or the first fragment of one, comes in. */
  request({ source, sourcePort, destination, destinationPort }: Datagram): void {
    const key = `${source} ${sourcePort} ${destinationPort}`
    if (this.#vips.includes(destination)) this.#requests.set(key, destination)
    else this.#requests.delete(key)
  }

  /** The source that a datagram, or the first fragment of one, leaves from. */
  reply(datagram: Datagram, fragmented: boolean): string {
    const { source, sourcePort, destination, destinationPort, id } = datagram
    const wanted =
      this.#rules.get(`${sourcePort} ${version(destination)}`) ??
      this.#requests.get(`${destination} ${destinationPort} ${sourcePort}`)
    const from = this.#vips.includes(source) ? source : (wanted ?? source)
    const key = `${source} ${destination} ${id}`
    if (fragmented && from !== source) this.#fragments.set(key, from)
    if (fragmented && wanted === undefined) this.#fragments.delete(key)
    return from
  }

  /** The source that a later fragment leaves from. */
  later({ source, destination, id }: Datagram): string {
    return this.#fragments.get(`${source} ${destination} ${id}`) ?? source
  }
}
