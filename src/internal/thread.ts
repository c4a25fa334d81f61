import { AddressBytes } from '../net/address-bytes.js'
import { AddressText } from '../net/address-text.js'
import { type Addon, addon } from './addon.js'
import { Region } from './region.js'

/** What all sockets of a thread share. */
export interface Thread {
  readonly addon: Addon
  readonly region: Region
  readonly ipv4: AddressCodec
  readonly ipv6: AddressCodec
}

/** Address text ⇄ words of the region, for sockets of one family. */
export interface AddressCodec {
  readonly text: AddressText
  readonly bytes: AddressBytes
}

let current: Thread | undefined

/**
 * The thread's shared memory and caches, made on first use.
 *
 * @throws UnsupportedPlatformError `ERR_UNSUPPORTED_PLATFORM`
 */
export function thread(): Thread {
  current ??= makeThread()
  return current
}

function makeThread(): Thread {
  const native = addon()
  const codec = (version: 4 | 6): AddressCodec => ({
    text: new AddressText(version),
    bytes: new AddressBytes(version, native.interfaceIndex),
  })
  return { addon: native, region: new Region(native), ipv4: codec(4), ipv6: codec(6) }
}
