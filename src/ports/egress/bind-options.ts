import { checkString } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../errors.js'
import type { SocketOptions } from '../../socket/index.js'

/** What would let a socket share its port with others. */
const SHARING = ['reuseAddr', 'reusePort', 'pinFlows'] as const
/** What would choose the port, which the window does. */
const CHOOSING = ['port', 'fd', 'exclusive', 'localPortRange', 'bindAddressNoPort'] as const

/** Options of `bindSocket`: the socket's, but for those that would let it share its port or choose another one. */
export interface BindSocketOptions extends Omit<SocketOptions, (typeof SHARING)[number] | (typeof CHOOSING)[number]> {
  /** Address to bind to, no name; default the wildcard. */
  address?: string
  /** Whose the port is, for `quota` and `stats().owners`. */
  owner?: string
}

/** Options as they are used: the socket checks its own. */
export interface SplitBindOptions {
  owner: string | undefined
  /** What goes to `bindSync` beside the port. */
  where: { address?: string }
  socket: SocketOptions
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function splitBindOptions(options: BindSocketOptions): SplitBindOptions {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  const given = options as unknown as Record<string, unknown>
  refuse(given, SHARING, 'is not for sockets of a PortWindow, which never share a port')
  refuse(given, CHOOSING, 'is not for sockets of a PortWindow, which chooses the port')
  const { owner, address, ...socket } = options
  if (owner !== undefined) checkString('options.owner', owner)
  return { owner, where: address === undefined ? {} : { address }, socket: socket as SocketOptions }
}

function refuse(given: Record<string, unknown>, names: readonly string[], reason: string): void {
  for (const name of names) if (name in given) throw invalidArgValue(`options.${name}`, reason, given[name])
}
