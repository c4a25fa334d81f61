import { once } from 'node:events'
import { invalidArgType } from '../errors.js'
import { type Member, readMember } from './member.js'
import type { Provider, Update, WatchOptions } from './provider.js'

/**
 * Members that never change.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE; DiscoveryError ERR_DISCOVERY_MEMBER
 */
export function staticMembers(members: readonly Member[], name = 'static'): Provider {
  if (!Array.isArray(members)) throw invalidArgType('members', 'an array of members', members)
  const read = members.map((member, i) => readMember(`members[${i}]`, member.pool, member))
  return {
    name,
    async *watch({ signal }: WatchOptions): AsyncGenerator<Update, void, undefined> {
      if (signal.aborted) return
      yield { type: 'snapshot', members: read }
      if (!signal.aborted) await once(signal, 'abort')
    },
  }
}
