import { checkLiteral, checkString } from '../../../errors/checks.js'
import { invalidArgValue } from '../../../errors.js'
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
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
export function mediasoup(input: RenderInput, { ip = '0.0.0.0', announcedAddress }: MediasoupOptions): string {
  checkLiteral('options.ip', ip)
  if (announcedAddress !== undefined) checkString('options.announcedAddress', announcedAddress)
  // A name is allowed too, so nothing more can be said of it.
  if (announcedAddress === '') throw invalidArgValue('options.announcedAddress', 'must not be empty', announcedAddress)
  const { low, high, notes } = oneWindow(input)
  const announced = announcedAddress === undefined ? '' : ` announcedAddress: ${JSON.stringify(announcedAddress)},`
  return (
    `${comment('//', notes)}const listenInfos = [\n` +
    `  { protocol: "udp", ip: ${JSON.stringify(ip)},${announced} portRange: { min: ${low}, max: ${high} } },\n];\n`
  )
}
