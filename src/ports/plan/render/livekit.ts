import { comment, oneWindow, type RenderInput } from './window.js'

/** Options of `render('livekit', …)`. */
export interface LivekitOptions {
  /** Whether all clients are to share the window's first port (`udp_port`) instead of a port each. Default false. */
  mux?: boolean
}

/**
 * livekit.yaml. `udp_port` is looked at only when there is no range, and a range of one port breaks the search for the
 * external address (livekit/mediatransportutil, pkg/rtcconfig/config.go and webrtc_config.go).
 */
export function livekit(input: RenderInput, { mux = false }: LivekitOptions): string {
  const { low, high, notes } = oneWindow(input)
  const head = `${comment('#', notes)}rtc:\n`
  if (mux || low === high) return `${head}  udp_port: ${low}\n`
  return `${head}  port_range_start: ${low}\n  port_range_end: ${high}\n`
}
