/** What stands where in a header. Numbers in version 2 and SPP are in network order. */

/** First twelve bytes of a version 2 header: `\r\n\r\n\0\r\nQUIT\n`. */
export const V2_SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
/** Signature, version and command, family and transport, length. */
export const V2_FIXED = 16
/** Longest header of version 2: the length field counts what follows the fixed part. */
export const V2_LONGEST = V2_FIXED + 0xffff

/** First six bytes of a version 1 header. */
export const V1_SIGNATURE = Uint8Array.from('PROXY ', (char) => char.charCodeAt(0))
/** Longest line of version 1 with CR and LF (proxy-protocol.txt §2.1). */
export const V1_LONGEST = 107

/** First two bytes of an SPP header. */
export const SPP_MAGIC = Uint8Array.of(0x56, 0xec)
/** Magic, client address, proxy address, client port, proxy port. */
export const SPP_LENGTH = 38
export const SPP_PORTS = 34

/** Both addresses and ports of a version 2 header, by family. */
export const INET_BLOCK = 12
export const INET6_BLOCK = 36
export const UNIX_BLOCK = 216
export const UNIX_PATH = 108

/** Type and length before the value of a TLV. */
export const TLV_FIXED = 3

/** Types of TLVs (proxy-protocol.txt §2.2), and those of clouds. */
export const ProxyTlvType = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  netns: 0x30,
  /** Amazon Web Services; its first byte says what. */
  aws: 0xea,
  /** Microsoft Azure; its first byte says what. */
  azure: 0xee,
  /** Google Cloud: a Private Service Connect connection. */
  gcp: 0xe0,
} as const

/** Types of the TLVs inside an SSL TLV (proxy-protocol.txt §2.2.6). */
export const ProxySslTlvType = {
  version: 0x21,
  commonName: 0x22,
  cipher: 0x23,
  signatureAlgorithm: 0x24,
  keyAlgorithm: 0x25,
  group: 0x26,
  signatureScheme: 0x27,
  clientCertificate: 0x28,
} as const
