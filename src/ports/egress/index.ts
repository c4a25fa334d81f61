export { connect } from './connect.js'
export { type ConnectUdpOptions, connectUdp } from './connect-udp.js'
export type { ConnectOptions, EgressOptions } from './options.js'
export type { PortStrategy } from './strategy.js'
