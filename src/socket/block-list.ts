import { BlockList } from 'node:net'
import { invalidArgType } from '../errors.js'

/** Whether a list holds an address. Of `fe80::1%eth0` the address counts: lists know no scopes. */
export function isBlocked(list: BlockList, address: string): boolean {
  const scope = address.indexOf('%')
  const plain = scope < 0 ? address : address.slice(0, scope)
  return list.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkBlockList(name: string, list: unknown): void {
  if (list && !(list instanceof BlockList)) throw invalidArgType(name, 'an instance of net.BlockList', list)
}
