import type { ForwarderConfig } from 'udp-dsr/forwarder'
import { Actor } from '../../netns/actor.js'
import { DataCenter, type SegmentHost } from '../../netns/data-center.js'
import type { BackendPart, ServerKind } from './backend.js'
import type { ClientPart } from './client.js'
import type { EdgePart } from './edge.js'

/** What the flows to one service came to. */
export interface Act {
  title: string
  /** By backend: what it runs, how many flows the edge gives it, how many of them were answered. */
  rows: { backend: string; server: string; flows: number; answered: number }[]
  /** Flows that have another backend than in the act before, though theirs was still there. */
  moved: number
}

const [VIP] = DataCenter.vips
const PORT = 5300
const FLOWS = 60
/** Ports of the regions in the last act. */
const REGIONS = { a: [10_000, 10_999], b: [11_000, 11_999] } as const
const REGION_FLOWS = 20

/** Backends and what they run. */
const SERVERS: Record<string, ServerKind> = { a: 'PktInfoSocket', b: 'PktInfoSocket', c: 'node:dgram' }

const script = (name: string) => new URL(`./${name}.ts`, import.meta.url)
const kindOf = (name: string) => SERVERS[name]!

/** Plays the demo's story on a network of its own. */
export class EdgeStory {
  readonly #center: DataCenter
  readonly #edge: Actor<EdgePart>
  readonly #client: Actor<ClientPart>
  readonly #servers = new Map<string, Actor<BackendPart>>()
  #before: (string | undefined)[] = []

  private constructor(center: DataCenter) {
    this.#center = center
    this.#edge = new Actor(center.edge, script('edge'))
    this.#client = new Actor(center.client, script('client'))
    for (const { name, namespace } of center.backends) this.#servers.set(name, new Actor(namespace, script('backend')))
  }

  static async begin(): Promise<EdgeStory> {
    return new EdgeStory(await DataCenter.create({ backends: Object.keys(SERVERS) }))
  }

  end(): void {
    for (const actor of [this.#edge, this.#client, ...this.#servers.values()]) actor.kill()
    this.#center.remove()
  }

  /** @param onAct is told each act as it is over */
  async play(onAct: (act: Act) => void): Promise<void> {
    await this.#edge.call('attach')
    await Promise.all(
      [...this.#servers].map(([name, server]) => {
        const ports = Object.entries(REGIONS).flatMap(([region, [low, high]]) =>
          region === name ? [low, low + 7, high] : [],
        )
        return server.call('serve', kindOf(name), name, [PORT, ...ports])
      }),
    )
    await this.#edge.call('apply', this.#config({}))
    const flows = await this.#client.call('open', VIP, new Array<number>(FLOWS).fill(PORT))
    const act = async (title: string, gone: readonly string[]) => onAct(await this.#look(title, flows, gone))

    await act('Three backends, of which two answer from the VIP (udp-dsr), and one cannot (node:dgram)', [])
    await this.#servers.get('c')!.call('rewrite', { interface: 'eth0', vips: [VIP] })
    await act('c gets SourceRewrite. Its program is the same, and now its answers arrive', [])
    await this.#edge.call('apply', this.#config({ c: 'draining' }))
    await act('c drains: its flows go to the others, and theirs stay', ['c'])
    await this.#servers.get('b')!.kill()
    await this.#edge.call('apply', this.#config({ c: 'draining', b: 'down' }))
    await act('b is killed, and the edge told: a has its own flows still, and all others', ['b', 'c'])
    const server = new Actor<BackendPart>(this.#host('b').namespace, script('backend'))
    this.#servers.set('b', server)
    await server.call('serve', kindOf('b'), 'b', [PORT, REGIONS.b[0], REGIONS.b[0] + 7, REGIONS.b[1]])
    await this.#edge.call('apply', this.#config({ c: 'draining' }))
    await act('b is back: it has the flows again that it had', ['c'])

    await this.#client.call('close')
    this.#before = []
    const ports = Object.values(REGIONS).flatMap(([low, high]) =>
      Array.from({ length: REGION_FLOWS }, (_, i) => [low, low + 7, high][i % 3]!),
    )
    const regional = await this.#client.call('open', VIP, ports)
    onAct(
      await this.#look(
        'One VIP, a range of ports for each region: 10000–10999 is a’s, 11000–11999 b’s',
        regional,
        [],
        ports,
      ),
    )
  }

  /** Asks on every flow, and compares with what the edge says. */
  async #look(
    title: string,
    flows: { address: string; port: number }[],
    gone: readonly string[],
    ports?: number[],
  ): Promise<Act> {
    const asked = flows.map((client, i) => ({ client, local: { address: VIP, port: ports?.[i] ?? PORT } }))
    const [owners, answers] = [await this.#edge.call('explain', asked), await this.#client.call('ask')]
    const rows = [...this.#servers.keys()].map((backend) => {
      const mine = owners.flatMap((owner, i) => (owner === backend ? [answers[i]] : []))
      return {
        backend,
        server: kindOf(backend),
        flows: mine.length,
        answered: mine.filter((answer) => answer === backend).length,
      }
    })
    const moved = owners.filter((owner, i) => {
      const before = this.#before[i]
      return before !== undefined && before !== owner && !gone.includes(before) && !this.#returned(owner)
    }).length
    this.#before = owners
    return { title, rows, moved }
  }

  /** Flows that a backend gets back when it returns are not counted as moved. */
  #returned(owner: string | undefined): boolean {
    return owner !== undefined && !this.#before.includes(owner)
  }

  #host(name: string): SegmentHost {
    return this.#center.backends.find((backend) => backend.name === name)!
  }

  #config(states: Record<string, 'draining' | 'down'>): ForwarderConfig {
    const member = ({ name, address }: SegmentHost) => ({ id: name, address, state: states[name] ?? ('up' as const) })
    const region = (name: keyof typeof REGIONS) => ({
      name: `region of ${name}`,
      vips: [VIP],
      ports: [REGIONS[name].join('-')],
      pool: name,
    })
    return {
      secret: '0011223344556677',
      pools: {
        all: { delivery: 'l2', backends: this.#center.backends.map(member) },
        a: { delivery: 'l2', backends: [{ id: 'a', address: this.#host('a').address }] },
        b: { delivery: 'l2', backends: [{ id: 'b', address: this.#host('b').address }] },
      },
      services: [{ name: 'who', vips: [VIP], ports: [PORT], pool: 'all' }, region('a'), region('b')],
    }
  }
}
