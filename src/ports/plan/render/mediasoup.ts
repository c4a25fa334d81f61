import { comment, oneWindow, type RenderInput } from './window.js'

/** Options of `render('mediasoup', …)`. */
export interface MediasoupOptions {
  /** Address to listen on. Default `0.0.0.0`. */
  ip?: string
  /** Address that clients are told, when it is another one: the VIP. */
  announcedAddress?: string
}

/**
 * `listenInfos` of `router.createWebRtcTransport` and the other transports; `rtcMinPort` and
 * `rtcMaxPort` of a worker are deprecated (versatica/mediasoup, node/src/TransportTypes.ts, WorkerTypes.ts).
 */
export function mediasoup(input: RenderInput, { ip = '0.0.0.0', announcedAddress }: MediasoupOptions): string {
  const { low, high, notes } = oneWindow(input)
  const announced = announcedAddress === undefined ? '' : ` announcedAddress: ${JSON.stringify(announcedAddress)},`
  return (
    `${comment('//', notes)}const listenInfos = [\n` +
    `  { protocol: "udp", ip: ${JSON.stringify(ip)},${announced} portRange: { min: ${low}, max: ${high} } },\n];\n`
  )
}
