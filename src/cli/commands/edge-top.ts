import { setTimeout as sleep } from 'node:timers/promises'
import { invalidArgValue } from '../../errors.js'
import { askEdge, type EdgeStatus } from '../../fleet/index.js'
import type { Output } from '../output.js'
import { type Rates, renderStatus } from '../render/status.js'
import { count } from '../table.js'

/** Cursor to the corner; from there to the end nothing. */
const HOME = '\x1b[H'
const CLEAR = '\x1b[2J'
const REST_OF_LINE = '\x1b[K'
const REST_OF_SCREEN = '\x1b[J'
/** Another screen, which leaves no trace. */
const ENTER = `\x1b[?1049h\x1b[?25l${CLEAR}`
const LEAVE = '\x1b[?25h\x1b[?1049l'

/** Shows a running edge until Ctrl-C. Where nobody looks on (no terminal), one look after the other. */
export async function edgeTop(socket: string, output: Output, seconds: number, once: boolean): Promise<void> {
  if (!(seconds >= 0.1 && seconds <= 3600)) throw invalidArgValue('--interval', 'must be 0.1 to 3600 seconds', seconds)
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  const screen = process.stdout.isTTY && !output.json && !once
  let before = await askEdge<EdgeStatus>(socket, 'status')
  let at = performance.now()
  if (screen) process.stdout.write(ENTER)
  try {
    while (!stop.signal.aborted) {
      await sleep(1000 * seconds, undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) break
      const status = await askEdge<EdgeStatus>(socket, 'status')
      const now = performance.now()
      const rates = ratesSince(before, (now - at) / 1000)
      const text = output.json ? JSON.stringify(status) : renderStatus(status, output, rates)
      if (screen)
        process.stdout.write(HOME + text.split('\n').join(`${REST_OF_LINE}\n`) + REST_OF_LINE + REST_OF_SCREEN)
      else process.stdout.write(`${text}\n${output.json ? '' : '\n'}`)
      before = status
      at = now
      if (once) break
    }
  } finally {
    if (screen) process.stdout.write(LEAVE)
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
  }
}

function ratesSince(before: EdgeStatus, seconds: number): Rates {
  const known = new Map<string, number>()
  for (const { name, packets } of before.services) known.set(`service ${name}`, packets)
  for (const { backends } of before.pools) {
    for (const { id, address, packets } of backends) known.set(`backend ${id} ${address}`, packets)
  }
  return (kind, name, packets) => {
    const was = known.get(`${kind} ${name}`)
    return was === undefined ? '–' : count(Math.max(0, packets - was) / seconds)
  }
}
