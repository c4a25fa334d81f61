import type {
  ProxyInetHeader,
  ProxyLocalHeader,
  ProxyTlv,
  ProxyUnixHeader,
  ProxyUnspecHeader,
  ProxyVersion,
} from './types.js'

/** What `encode` takes: a header as `decode` gives it, in which `command` and an empty list of TLVs may be left out. */
export type ProxyHeaderInput =
  | (Omit<ProxyInetHeader, 'command' | 'tlvs'> & {
      command?: 'PROXY' | undefined
      tlvs?: readonly ProxyTlv[] | undefined
    })
  | (Omit<ProxyUnixHeader, 'command' | 'tlvs'> & {
      command?: 'PROXY' | undefined
      tlvs?: readonly ProxyTlv[] | undefined
    })
  | (Pick<ProxyUnspecHeader, 'version' | 'family'> & {
      command?: 'PROXY' | undefined
      transport?: 'UNSPEC' | undefined
      tlvs?: readonly [] | undefined
    })
  | (Pick<ProxyLocalHeader, 'version' | 'command'> & {
      family?: 'UNSPEC' | undefined
      transport?: 'UNSPEC' | undefined
      tlvs?: readonly [] | undefined
    })

/** How `encode` writes. */
export interface EncodeOptions {
  /**
   * Whether a CRC32C TLV is written, default false: behind the other TLVs, or where the header has one already. Version 2
   * only. A header without addresses (LOCAL, UNSPEC) never has one: nothing in it is believed.
   */
  checksum?: boolean | undefined
}

/** The same flow but for its client: what `ProxyHeaderTemplate` is made from. */
export interface ProxyTemplateInput {
  version: Exclude<ProxyVersion, 'v1'>
  family: 'IPv4' | 'IPv6'
  /** SPP knows `'DGRAM'` only. */
  transport: 'STREAM' | 'DGRAM'
  /** What the clients speak to. */
  destination: ProxyInetHeader['destination']
  /** Version 2 only. */
  tlvs?: readonly ProxyTlv[] | undefined
  /** Whether each header gets a CRC32C TLV, default false. Version 2 only. */
  checksum?: boolean | undefined
}
