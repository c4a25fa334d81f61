import { type EtcdOptions, type PublishedDigest, publishDigest, watchDigests } from '../../discovery/index.js'

/** The other edges: tells them what this one follows, by each etcd that the config names, and hears what they do. */
export class Peers implements AsyncDisposable {
  readonly #published: readonly PublishedDigest[]
  readonly #ending = new AbortController()
  readonly #watching: Promise<unknown>
  readonly #heard = new Map<number, ReadonlyMap<string, string>>()
  readonly #told: () => void
  #digest = ''

  /** @param told is called when an edge follows something else */
  constructor(etcds: readonly EtcdOptions[], name: string, told: () => void) {
    this.#told = told
    this.#published = etcds.map((etcd) => publishDigest({ ...etcd, edge: name }))
    this.#watching = Promise.all(etcds.map((etcd, i) => this.#watch(i, etcd)))
  }

  set digest(digest: string) {
    if (digest === this.#digest) return
    this.#digest = digest
    // Where the store is away it is told when that is back.
    for (const published of this.#published) void published.set(digest)
  }

  /** What each edge follows, by its name. */
  get digests(): ReadonlyMap<string, string> {
    return new Map([...this.#heard.values()].flatMap((digests) => [...digests]))
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.all([this.#watching, ...this.#published.map((published) => published.close())])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #watch(i: number, etcd: EtcdOptions): Promise<void> {
    for await (const digests of watchDigests(etcd, { signal: this.#ending.signal })) {
      this.#heard.set(i, digests)
      this.#told()
    }
  }
}
