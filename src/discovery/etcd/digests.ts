import { checkOptions, checkString } from '../../errors/checks.js'
import { EtcdClient } from './client.js'
import { edgesBelow } from './keys.js'
import { LeasedKey } from './leased-key.js'
import { ETCD_OPTIONS, type EtcdOptions, readEtcdOptions, readTtl } from './options.js'
import { watchKeys } from './watch-keys.js'

export interface PublishDigestOptions extends EtcdOptions {
  /** Name of the edge. */
  edge: string
  /** Seconds after which it is gone when its process is, 1 – 3600, default 5. */
  ttl?: number | undefined
}

/** What an edge tells the others of. */
export interface PublishedDigest extends AsyncDisposable {
  /** Tells another one. Resolves once it is written. */
  set(digest: string): Promise<void>
  close(): Promise<void>
}

/**
 * Tells the other edges what this one follows, so that somebody can see who does not.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function publishDigest(options: PublishDigestOptions): PublishedDigest {
  checkOptions(options, [...ETCD_OPTIONS, 'edge', 'ttl'])
  const { edge } = options
  checkString('options.edge', edge)
  const ttl = readTtl(options)
  const settings = readEtcdOptions(options)
  const client = new EtcdClient(settings)
  const key = new LeasedKey(
    client,
    { key: edgesBelow(settings.prefix) + edge, value: JSON.stringify({ digest: '' }), ttl },
    () => {},
  )
  const published: PublishedDigest = {
    set: (digest) => key.set(JSON.stringify({ digest })),
    close: async () => {
      await key.close()
      client.close()
    },
    [Symbol.asyncDispose]: () => published.close(),
  }
  return published
}

/**
 * What the edges follow, by their names: all of them each time that one changes. While the store is away nothing comes.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export async function* watchDigests(
  options: EtcdOptions,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<ReadonlyMap<string, string>, void, undefined> {
  checkOptions(options, ETCD_OPTIONS)
  const settings = readEtcdOptions(options)
  const client = new EtcdClient(settings)
  const prefix = edgesBelow(settings.prefix)
  const digests = new Map<string, string>()
  try {
    for await (const update of watchKeys(client, prefix, signal)) {
      if (update.type === 'stale') continue
      if (update.type === 'snapshot') digests.clear()
      else for (const key of update.removed) digests.delete(key.slice(prefix.length))
      for (const { key, value } of update.type === 'snapshot' ? update.entries : update.put) {
        digests.set(key.slice(prefix.length), digestOf(value))
      }
      yield new Map([...digests].sort(([a], [b]) => (a < b ? -1 : 1)))
    }
  } finally {
    client.close()
  }
}

function digestOf(value: string): string {
  try {
    return String((JSON.parse(value) as { digest?: unknown }).digest ?? '')
  } catch {
    return ''
  }
}
