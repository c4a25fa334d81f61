import { comment, oneWindow, type RenderInput } from './window.js'

/** turnserver.conf: the ports of relayed addresses, both ends included (turnserver(1), --min-port and --max-port). */
export function coturn(input: RenderInput): string {
  const { low, high, notes } = oneWindow(input)
  return `${comment('#', notes)}min-port=${low}\nmax-port=${high}\n`
}
