import { comment, oneWindow, type RenderInput } from './window.js'

/** Go, for `webrtc.NewAPI(webrtc.WithSettingEngine(settingEngine))` (pion/webrtc, settingengine.go). */
export function pion(input: RenderInput): string {
  const { low, high, notes } = oneWindow(input)
  return (
    `${comment('//', notes)}settingEngine := webrtc.SettingEngine{}\n` +
    `if err := settingEngine.SetEphemeralUDPPortRange(${low}, ${high}); err != nil {\n\tpanic(err)\n}\n`
  )
}
