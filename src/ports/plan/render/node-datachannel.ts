import { comment, oneWindow, type RenderInput } from './window.js'

/** Options of `render('node-datachannel', …)`. */
export interface NodeDatachannelOptions {
  /** Whether all connections of the process are to share the window's first port. Default false. */
  mux?: boolean
}

/** Configuration of `new PeerConnection` (node-datachannel, RtcConfig). */
export function nodeDatachannel(input: RenderInput, { mux = false }: NodeDatachannelOptions): string {
  const { low, high, notes } = oneWindow(input)
  const range = `portRangeBegin: ${low}, portRangeEnd: ${mux ? low : high}`
  const shared = mux ? ', enableIceUdpMux: true' : ''
  return `${comment('//', notes)}const configuration = { iceServers: [], ${range}${shared} };\n`
}
