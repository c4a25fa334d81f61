import { checkOptions, checkPort, checkString } from '../../errors/checks.js'
import { invalidArgValue } from '../../errors.js'
import type { IPVersion } from '../../net/classify.js'
import { readAddress } from '../address.js'

/** Whose replies are to be fixed. */
export interface TargetOptions {
  /** What clients ask. */
  vip: string
  port: number
  /** What replies leave from without a fix: the own address of the interface. */
  local: string
  /** Where requests come in and replies leave. */
  interface: string
}

/** The options, read. */
export interface Target extends TargetOptions {
  version: IPVersion
}

const OPTIONS: readonly (keyof TargetOptions)[] = ['vip', 'port', 'local', 'interface']
/** What linux takes (dev_valid_name, net/core/dev.c), less what a shell or nft would take for something else. */
const INTERFACE = /^[\w.@:-]{1,15}$/

/** @throws ArgumentTypeError, ArgumentRangeError */
export function readTarget(options: TargetOptions): Target {
  checkOptions(options, OPTIONS)
  const vip = readAddress('options.vip', options.vip)
  const local = readAddress('options.local', options.local)
  if (local.version !== vip.version) {
    throw invalidArgValue('options.local', `must be an IPv${vip.version} address, as options.vip is`, options.local)
  }
  checkString('options.interface', options.interface)
  if (!INTERFACE.test(options.interface)) {
    throw invalidArgValue('options.interface', 'must be the name of an interface: eth0', options.interface)
  }
  const port = checkPort(options.port, false, 'options.port')
  return { vip: vip.text, local: local.text, version: vip.version, port, interface: options.interface }
}
