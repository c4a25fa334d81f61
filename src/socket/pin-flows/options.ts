import { checkProperties } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../errors.js'

/** Whose datagrams stay together: those of one address, or of one address and port. */
export type PinAffinity = 'client-ip' | 'client-ip-port'

/** How the sockets that share a port keep their clients (option `pinFlows`). */
export interface PinFlowsOptions {
  /** Default `'client-ip-port'`. The same for all sockets of the port. */
  affinity?: PinAffinity
  /**
   * Directory in a BPF filesystem through which they find each other, default `/sys/fs/bpf/udp-dsr`. It is made if it is
   * not there. The same for all sockets of the port; whoever may write there can take part.
   */
  path?: string
}

/** Of the options of a socket those that are about its group. */
interface GroupOptions {
  pinFlows?: boolean | PinAffinity | PinFlowsOptions
  reusePort?: boolean
}

/** The same, with its defaults. */
export type PinFlowsSettings = Required<PinFlowsOptions>

const NAME = 'options.pinFlows'
const OPTIONS = ['affinity', 'path'] as const
const DEFAULT_PATH = '/sys/fs/bpf/udp-dsr'

/** In the order of `enum flow_affinity` in bpf/include/flow_hash.h. */
export const PIN_AFFINITIES: readonly PinAffinity[] = ['client-ip', 'client-ip-port']

/**
 * Checks and completes the option.
 *
 * @returns undefined when flows are not to be pinned
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION
 */
export function readPinFlows({ pinFlows, reusePort }: GroupOptions): PinFlowsSettings | undefined {
  if (pinFlows === undefined || pinFlows === false) return undefined
  const settings = { affinity: 'client-ip-port' as PinAffinity, path: DEFAULT_PATH }
  if (typeof pinFlows === 'string') settings.affinity = pinFlows
  else if (pinFlows !== true) Object.assign(settings, readObject(pinFlows))

  if (!PIN_AFFINITIES.includes(settings.affinity)) {
    const name = typeof pinFlows === 'string' ? NAME : `${NAME}.affinity`
    throw invalidArgValue(
      name,
      `must be ${PIN_AFFINITIES.map((known) => `'${known}'`).join(' or ')}`,
      settings.affinity,
    )
  }
  if (typeof settings.path !== 'string') throw invalidArgType(`${NAME}.path`, 'of type string', settings.path)
  if (!settings.path.startsWith('/') || settings.path.includes('\0')) {
    throw invalidArgValue(`${NAME}.path`, 'must be an absolute path', settings.path)
  }
  if (!reusePort) throw invalidArgValue(NAME, 'needs reusePort: true: it is for sockets that share a port', pinFlows)
  return settings
}

function readObject(given: PinFlowsOptions): PinFlowsOptions {
  if (given === null || typeof given !== 'object') {
    throw invalidArgType(NAME, 'of type boolean, string or object', given)
  }
  checkProperties('pinFlows', given, OPTIONS)
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
