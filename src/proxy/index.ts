export { ProxyProtocolError } from '../errors.js'
export { decode } from './decode.js'
export { encode } from './encode.js'
export type * from './input.js'
export {
  type ProxiedServer,
  type ProxiedSocket,
  type ProxyPeer,
  type ProxyServerEvents,
  type ProxyServerStats,
  type WrapServerOptions,
  wrapServer,
} from './server.js'
export type { ProxySslValues } from './ssl-tlv.js'
export { type ParsedStream, ProxyStreamParser } from './stream.js'
export type { ProxyStreamOptions } from './stream-options.js'
export { ProxyHeaderTemplate } from './template.js'
export { makeTlvs, type ProxyTlvValues, readTlvs } from './tlv.js'
export type * from './types.js'
export { ProxyHeaderView } from './view.js'
export { ProxySslTlvType, ProxyTlvType } from './wire.js'
