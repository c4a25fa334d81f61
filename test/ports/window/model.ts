/**
 * What a window must do, as plainly as it can be said: arrays that are searched from end to end, with no regard to speed.
 * Ports come in the order in which the window gives them out first.
 */
export type ModelState = 'free' | 'leased' | 'draining' | 'quarantined' | 'taken'

interface ModelPort {
  port: number
  state: ModelState
  /** Place in the order of those that became free: the lowest comes first. */
  freed: number
  due: number
  owner: string | undefined
}

export interface ModelSettings {
  ports: readonly number[]
  quarantine: number
  retryTaken: number
  quota: number
}

export type Refusal = 'ERR_PORTS_EXHAUSTED' | 'ERR_PORTS_QUOTA'

export class WindowModel {
  readonly #settings: ModelSettings
  readonly #ports: ModelPort[]
  #turns = 0

  constructor(settings: ModelSettings) {
    this.#settings = settings
    this.#ports = settings.ports.map((port) => ({
      port,
      state: 'free',
      freed: this.#turns++,
      due: 0,
      owner: undefined,
    }))
  }

  /** Frees what is due, earliest first; of two at one time the quarantined one first, else the one that came first. */
  advance(now: number): void {
    const due = this.#ports.filter(({ state, due }) => (state === 'quarantined' || state === 'taken') && due <= now)
    due.sort((a, b) => a.due - b.due || Number(a.state === 'taken') - Number(b.state === 'taken') || a.freed - b.freed)
    for (const port of due) this.#free(port)
  }

  acquire(owner: string | undefined): number | Refusal {
    if (this.#refuses(owner, 1)) return 'ERR_PORTS_QUOTA'
    const [first] = this.#inState('free').sort((a, b) => a.freed - b.freed)
    if (first === undefined) return 'ERR_PORTS_EXHAUSTED'
    this.#lease(first, owner)
    return first.port
  }

  acquirePair(owner: string | undefined): number | Refusal {
    if (this.#refuses(owner, 2)) return 'ERR_PORTS_QUOTA'
    const [first] = this.#pairs().sort((a, b) => a.freed - b.freed)
    if (first === undefined) return 'ERR_PORTS_EXHAUSTED'
    for (const half of first.halves) this.#lease(half, owner)
    return first.halves[0].port
  }

  end(port: number, end: 'quarantine' | 'taken' | 'unused', now: number): void {
    const found = this.#ports.find((each) => each.port === port)!
    if (found.state !== 'leased' && found.state !== 'draining') return
    found.owner = undefined
    const { quarantine, retryTaken } = this.#settings
    if (end === 'unused' || (end === 'quarantine' && quarantine === 0)) {
      this.#free(found)
      return
    }
    found.state = end === 'taken' ? 'taken' : 'quarantined'
    found.due = now + (end === 'taken' ? retryTaken : quarantine)
    found.freed = this.#turns++ // of those due at one time the one that came first
  }

  drain(port: number): void {
    const found = this.#ports.find((each) => each.port === port)!
    if (found.state === 'leased') found.state = 'draining'
  }

  stateOf(port: number): ModelState {
    return this.#ports.find((each) => each.port === port)!.state
  }

  counts() {
    const count = (state: ModelState) => this.#inState(state).length
    return {
      total: this.#ports.length,
      free: count('free'),
      leased: count('leased'),
      draining: count('draining'),
      quarantined: count('quarantined'),
      taken: count('taken'),
    }
  }

  get freePairs(): number {
    return this.#pairs().length
  }

  owners(): Map<string, number> {
    const held = new Map<string, number>()
    for (const { owner } of this.#ports) if (owner !== undefined) held.set(owner, (held.get(owner) ?? 0) + 1)
    return held
  }

  /** When the next port comes free by itself. */
  nextDue(): number | undefined {
    const due = [...this.#inState('quarantined'), ...this.#inState('taken')].map((port) => port.due)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #inState(state: ModelState): ModelPort[] {
    return this.#ports.filter((port) => port.state === state)
  }

  /** A pair became free when the later of its halves did. */
  #pairs(): { halves: [ModelPort, ModelPort]; freed: number }[] {
    return this.#inState('free').flatMap((rtp) => {
      const rtcp = this.#ports.find((other) => other.port === rtp.port + 1 && other.state === 'free')
      if (rtp.port % 2 === 1 || rtcp === undefined) return []
      return [{ halves: [rtp, rtcp] as [ModelPort, ModelPort], freed: Math.max(rtp.freed, rtcp.freed) }]
    })
  }

  #refuses(owner: string | undefined, wanted: number): boolean {
    return owner !== undefined && (this.owners().get(owner) ?? 0) + wanted > this.#settings.quota
  }

  #lease(port: ModelPort, owner: string | undefined): void {
    port.state = 'leased'
    port.owner = owner
  }

  #free(port: ModelPort): void {
    port.state = 'free'
    port.freed = this.#turns++
  }
}
