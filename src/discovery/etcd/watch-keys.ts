import { setTimeout as sleep } from 'node:timers/promises'
import { etcdFailed } from '../../errors.js'
import { Backoff } from '../backoff.js'
import type { EtcdClient } from './client.js'
import { base64, endOf, fromBase64 } from './keys.js'

export interface KeyValue {
  key: string
  value: string
}

/** All keys below a prefix, or what became of them since, or that nobody knows at the moment. `revision`: where to go on. */
export type KeyUpdate =
  | { type: 'snapshot'; entries: KeyValue[]; revision: bigint }
  | { type: 'delta'; put: KeyValue[]; removed: string[]; revision: bigint }
  | { type: 'stale'; reason: Error; since: Date }

interface RawEntry {
  key: string
  value?: string
}
interface RangeAnswer {
  header: { revision: string }
  kvs?: RawEntry[]
  more?: boolean
}
interface WatchAnswer {
  header?: { revision: string }
  created?: boolean
  canceled?: boolean
  cancel_reason?: string
  compact_revision?: string
  events?: { type?: 'PUT' | 'DELETE'; kv: RawEntry }[]
}

/** Keys of one answer: some hundred kilobytes. */
const PAGE = 2000
/**
 * Milliseconds between two questions to the member that is watched. Its answer must come from a majority: one that is cut off from
 * the others would go on as if nothing had happened.
 */
const HEARTBEAT_MS = 1000

/**
 * Follows the keys below a prefix: first all of them, then what changes, without a gap, by revisions. When the connection is lost
 * it goes on with the next endpoint where it was; when that revision is gone (compaction) it begins anew with a snapshot.
 */
export async function* watchKeys(
  client: EtcdClient,
  prefix: string,
  signal: AbortSignal,
  resume?: bigint,
): AsyncGenerator<KeyUpdate, void, undefined> {
  const backoff = new Backoff()
  let revision = resume
  let since: Date | undefined
  while (!signal.aborted) {
    try {
      if (revision === undefined) {
        const snapshot = await range(client, prefix, signal)
        revision = snapshot.revision
        since = undefined
        yield snapshot
      }
      for await (const update of watch(client, prefix, revision, signal)) {
        backoff.reset()
        if (update === 'compacted') {
          revision = undefined
          break
        }
        revision = update.revision
        // The first one says that the watch is on, which is news only after it was not.
        if (update.put.length === 0 && update.removed.length === 0 && since === undefined) continue
        since = undefined
        yield update
      }
    } catch (error) {
      if (signal.aborted) return
      const reason = error instanceof Error ? error : new Error(String(error))
      client.next()
      if (since === undefined) {
        since = new Date()
        yield { type: 'stale', reason, since }
      }
      if (!(await backoff.pause(signal))) return
    }
  }
}

/** All keys below a prefix, at one revision. */
async function range(
  client: EtcdClient,
  prefix: string,
  signal: AbortSignal,
): Promise<KeyUpdate & { type: 'snapshot' }> {
  const entries: KeyValue[] = []
  let revision: string | undefined
  let from = base64(prefix)
  for (;;) {
    const answer: RangeAnswer = await client.call(
      'kv/range',
      { key: from, range_end: endOf(prefix), limit: PAGE, ...(revision !== undefined && { revision }) },
      signal,
    )
    revision ??= answer.header.revision
    for (const entry of answer.kvs ?? []) entries.push(decoded(entry))
    const last = answer.kvs?.at(-1)
    if (!answer.more || last === undefined) return { type: 'snapshot', entries, revision: BigInt(revision) }
    // The next key is the last one and a zero byte.
    from = Buffer.concat([Buffer.from(last.key, 'base64'), Buffer.alloc(1)]).toString('base64')
  }
}

const decoded = ({ key, value = '' }: RawEntry): KeyValue => ({ key: fromBase64(key), value: fromBase64(value) })

/** What changes after a revision. Throws when the connection is lost, or answers no more. */
async function* watch(
  client: EtcdClient,
  prefix: string,
  revision: bigint,
  signal: AbortSignal,
): AsyncGenerator<(KeyUpdate & { type: 'delta' }) | 'compacted', void, undefined> {
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  const body = {
    create_request: {
      key: base64(prefix),
      range_end: endOf(prefix),
      start_revision: String(revision + 1n),
      progress_notify: true,
    },
  }
  const answers = client.stream<WatchAnswer>('watch', body, both)
  let failed: unknown
  // The stream says nothing when there is nothing to say, and when its other end is gone.
  const heart = beat(client, prefix, both).catch((error: unknown) => {
    failed = error
    ended.abort()
  })
  try {
    for await (const { header, created, canceled, cancel_reason, compact_revision, events = [] } of answers) {
      if (canceled) {
        if (compact_revision !== undefined && compact_revision !== '0') {
          yield 'compacted'
          return
        }
        throw etcdFailed(client.endpoint, 'watch', cancel_reason ?? 'it was ended')
      }
      // That it was created says at what revision the store is, not how far the watch has come.
      const at = created || header === undefined ? revision : BigInt(header.revision)
      const last = new Map(events.map(({ type, kv }) => [kv.key, { kv, gone: type === 'DELETE' }]))
      yield {
        type: 'delta',
        put: [...last.values()].filter(({ gone }) => !gone).map(({ kv }) => decoded(kv)),
        removed: [...last.values()].filter(({ gone }) => gone).map(({ kv }) => fromBase64(kv.key)),
        revision: at,
      }
    }
  } catch (error) {
    throw failed ?? error
  } finally {
    ended.abort()
    await heart
  }
}

/** Asks who is watched for nothing, again and again; ends with `signal`, throws when there is no answer. */
async function beat(client: EtcdClient, prefix: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(HEARTBEAT_MS, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      await client.ask('kv/range', { key: base64(prefix), count_only: true }, signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
  }
}
