import { checkOptions } from '../../errors/checks.js'
import { badMember } from '../../errors.js'
import { type Member, type MemberName, nameOf, readMember } from '../member.js'
import type { Provider, UnreadableMember, Update, WatchOptions } from '../provider.js'
import { EtcdClient } from './client.js'
import { memberOfKey, poolsBelow } from './keys.js'
import { ETCD_OPTIONS, type EtcdOptions, readEtcdOptions } from './options.js'
import { type KeyValue, watchKeys } from './watch-keys.js'

/**
 * Members that are keys of an etcd (`<prefix>/pools/<pool>/<id>`). What changes there is told within milliseconds. A store that is
 * away, or has lost its majority, changes nothing; neither does a key whose value cannot be read: the others go on, and so does
 * what was known of its member.
 *
 * `resume` of an update is a revision, and may be given to `watch` by whoever has kept the members.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function etcdMembers(options: EtcdOptions): Provider {
  checkOptions(options, ETCD_OPTIONS)
  const settings = readEtcdOptions(options)
  const { prefix } = settings
  return {
    name: `etcd ${prefix}`,
    async *watch({ signal, resume }: WatchOptions): AsyncGenerator<Update, void, undefined> {
      const client = new EtcdClient(settings)
      /** By name: what cannot be read. */
      const unreadable = new Map<string, UnreadableMember>()
      try {
        for await (const update of watchKeys(client, poolsBelow(prefix), signal, resume as bigint | undefined)) {
          if (update.type === 'stale') {
            yield update
            continue
          }
          const { revision } = update
          if (update.type === 'snapshot') {
            unreadable.clear()
            const members = read(prefix, update.entries, unreadable)
            yield { type: 'snapshot', members, unreadable: [...unreadable.values()], resume: revision }
            continue
          }
          const removed = update.removed.flatMap((key) => memberOfKey(prefix, key) ?? [])
          for (const name of removed) unreadable.delete(nameOf(name))
          const put = read(prefix, update.put, unreadable)
          yield { type: 'delta', put, removed, unreadable: [...unreadable.values()], resume: revision }
        }
      } finally {
        client.close()
      }
    },
  }
}

function read(prefix: string, entries: readonly KeyValue[], unreadable: Map<string, UnreadableMember>): Member[] {
  return entries.flatMap(({ key, value }) => {
    const name: MemberName = memberOfKey(prefix, key) ?? { pool: '', id: key }
    try {
      const member = parse(prefix, key, value)
      unreadable.delete(nameOf(name))
      return member
    } catch (error) {
      unreadable.set(nameOf(name), { ...name, reason: error as Error })
      return []
    }
  })
}

/** @throws DiscoveryError ERR_DISCOVERY_MEMBER */
function parse(prefix: string, key: string, value: string): Member {
  const name = memberOfKey(prefix, key)
  if (name === undefined) throw badMember(key, 'its key must be <prefix>/pools/<pool>/<id>')
  let given: unknown
  try {
    given = JSON.parse(value)
  } catch (error) {
    throw badMember(key, `its value is no JSON: ${(error as Error).message}`, error)
  }
  if (given === null || typeof given !== 'object') throw badMember(key, 'its value must be an object')
  return readMember(key, name.pool, { ...given, id: name.id })
}
