import { checkOptions, checkSignal } from '../../errors/checks.js'
import { discoveryClosed } from '../../errors.js'
import { channels } from '../channels.js'
import { type Member, nameOf, readMember } from '../member.js'
import { EtcdClient } from './client.js'
import { memberKey } from './keys.js'
import { LeasedKey, type LeaseState } from './leased-key.js'
import { ETCD_OPTIONS, type EtcdOptions, readEtcdOptions, readTtl } from './options.js'

export interface RegisterOptions extends EtcdOptions {
  pool: string
  /** Its own within the pool. */
  id: string
  /** Where edges reach it. */
  address: string
  weight?: number | undefined
  serverId?: string | undefined
  /** Seconds after which it is gone when its process is, 1 – 3600, default 5. */
  ttl?: number | undefined
  /** Closes it. */
  signal?: AbortSignal | undefined
}

const OPTIONS = [...ETCD_OPTIONS, 'pool', 'id', 'address', 'weight', 'serverId', 'ttl', 'signal'] as const

/** A member of a pool that is one as long as its process lives. */
export interface Registration extends AsyncDisposable {
  /** `lost`: the store is away, or has forgotten it; it is put there again as soon as that is possible. */
  readonly state: LeaseState | 'closed'
  /** Lets edges send no new flows here. Resolves once that is written. @throws DiscoveryError ERR_DISCOVERY_CLOSED */
  drain(): Promise<void>
  /** The reverse. @throws DiscoveryError ERR_DISCOVERY_CLOSED */
  undrain(): Promise<void>
  /** Takes it away, at once where the store can be reached, else with its lease. */
  close(): Promise<void>
}

/**
 * Makes this host a member of a pool, in etcd, under a lease: it stays one while this process lives. Call it when the socket is
 * open, `drain()` before it stops taking clients, and `close()` before it is closed.
 *
 * Resolves once it is written. A store that is away is waited for, until `signal`.
 *
 * @throws ArgumentTypeError, ArgumentRangeError; DiscoveryError ERR_DISCOVERY_MEMBER; the reason of `signal`
 */
export async function register(options: RegisterOptions): Promise<Registration> {
  checkOptions(options, OPTIONS)
  const settings = readEtcdOptions(options)
  const ttl = readTtl(options)
  const { pool, signal } = options
  if (signal !== undefined) checkSignal(signal)
  signal?.throwIfAborted()
  const { id, address, weight, serverId } = options
  const member = readMember('The registration', pool, { id, address, weight, serverId })
  const client = new EtcdClient(settings)
  const name = { pool: member.pool, id: member.id }
  const tell = (state: LeaseState | 'closed', reason?: Error) =>
    channels.registration.publish({ ...name, state, ...(reason && { reason }) })
  const key = new LeasedKey(client, { key: memberKey(settings.prefix, name), value: textFor(member, 'up'), ttl }, tell)
  let closing: Promise<void> | undefined
  const set = (state: Member['state']) => {
    if (closing !== undefined) throw discoveryClosed(`The registration of ${nameOf(member)}`)
    return key.set(textFor(member, state))
  }
  const registration: Registration = {
    get state() {
      return closing === undefined ? key.state : 'closed'
    },
    drain: async () => set('draining'),
    undrain: async () => set('up'),
    close() {
      closing ??= key.close().finally(() => {
        signal?.removeEventListener('abort', end)
        client.close()
        tell('closed')
      })
      return closing
    },
    [Symbol.asyncDispose]() {
      return registration.close()
    },
  }
  const end = () => void registration.close()
  signal?.addEventListener('abort', end, { once: true })
  const aborted =
    signal && new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  await Promise.race([key.written, ...(aborted ? [aborted] : [])])
  if (signal?.aborted) {
    await registration.close()
    throw signal.reason
  }
  return registration
}

function textFor({ address, weight, serverId }: Member, state: Member['state']): string {
  return JSON.stringify({ address, weight, state, serverId })
}
