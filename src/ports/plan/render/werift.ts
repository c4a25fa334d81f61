import { planTarget } from '../../../errors.js'
import { comment, oneWindow, type RenderInput } from './window.js'

/**
 * Configuration of `new RTCPeerConnection`. Its two ports must differ (werift, webrtc/src/peerConnection.ts).
 *
 * @throws PortPlanError ERR_PORT_PLAN_TARGET for a window of one port
 */
export function werift(input: RenderInput): string {
  const { low, high, notes } = oneWindow(input)
  if (low === high)
    throw planTarget('werift', `the window is port ${low} alone, and icePortRange needs two`, 'Widen it')
  return `${comment('//', notes)}const configuration = { icePortRange: [${low}, ${high}] };\n`
}
