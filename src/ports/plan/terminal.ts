import { checkInteger, checkOptions } from '../../errors/checks.js'
import { invalidArgType } from '../../errors.js'
import { portsIn } from '../port-range.js'
import { legendOf, legendText } from './legend.js'
import { TERMINAL_COLOURS } from './palette.js'
import { PORTS, type Segment } from './segments.js'

/** How a plan is drawn in a terminal. */
export interface TextOptions {
  /** Columns of the picture without the ports before each row, 8–256; a power of two is used, at most this. Default 64. */
  width?: number
  /** Rows, 1–256; a power of two is used, at most this. Default 16. */
  rows?: number
  /** Whether to colour the picture with ANSI escapes. Default false. */
  colors?: boolean
}

const KNOWN = ['width', 'rows', 'colors'] satisfies (keyof TextOptions)[]
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Stands for all owners that no letter is left for. */
const REST = '#'
const UNOWNED = '·'
const PORT_DIGITS = 5

/** Each cell shows the owner of most of its ports; its letter is small print in the legend. */
export function drawText(segments: readonly Segment[], options: TextOptions): string {
  checkOptions(options, KNOWN)
  const { width = 64, rows = 16, colors = false } = options
  checkInteger('options.width', width, 8, 256)
  checkInteger('options.rows', rows, 1, 256)
  if (typeof colors !== 'boolean') throw invalidArgType('options.colors', 'of type boolean', colors)
  const columns = powerOfTwo(width)
  const lines = legendOf(segments)
  const places = new Map(lines.map(({ owner }, i) => [owner, i]))
  const mark = (place: number) => (lines[place]?.owner === undefined ? UNOWNED : (LETTERS[place] ?? REST))
  const paint = (place: number, text: string) => {
    const colour = TERMINAL_COLOURS[place % TERMINAL_COLOURS.length]
    // Black on each of the seven colours; the default has none.
    return colors && lines[place]?.owner !== undefined ? `\x1b[30;48;5;${colour}m${text}\x1b[0m` : text
  }
  const cell = PORTS / (columns * powerOfTwo(rows))
  const cells = majorities(segments, cell, (segment) => places.get(segment.owner) as number)
  const picture: string[] = []
  for (let from = 0; from < cells.length; from += columns) {
    const row = cells.slice(from, from + columns)
    const painted = stretches(row).map(([place, count]) => paint(place, mark(place).repeat(count)))
    picture.push(`${String(from * cell).padStart(PORT_DIGITS)} ${painted.join('')}`)
  }
  const longest = Math.max(...lines.map(({ name }) => name.length))
  const legend = lines.map((line, i) => `${paint(i, mark(i))} ${line.name.padEnd(longest)}  ${legendText(line)}`)
  const scale = `${' '.repeat(PORT_DIGITS)} each character is ${cell} ${cell === 1 ? 'port' : 'ports'}`
  return `${[...picture, scale, '', ...legend].join('\n')}\n`
}

function powerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most))
}

/** For each run of `cell` ports who has most of it; the first where two have as many. */
function majorities(segments: readonly Segment[], cell: number, placeOf: (segment: Segment) => number): number[] {
  const counts = Array.from({ length: PORTS / cell }, () => new Map<number, number>())
  for (const segment of segments) {
    const [low, high] = segment.range
    for (let i = Math.floor(low / cell); i * cell <= high; i++) {
      const part = portsIn([Math.max(low, i * cell), Math.min(high, (i + 1) * cell - 1)])
      const count = counts[i] as Map<number, number>
      const place = placeOf(segment)
      count.set(place, (count.get(place) ?? 0) + part)
    }
  }
  return counts.map((count) => [...count].reduce((most, one) => (one[1] > most[1] ? one : most))[0])
}

function stretches(row: readonly number[]): [place: number, count: number][] {
  const found: [number, number][] = []
  for (const place of row) {
    const last = found.at(-1)
    if (last?.[0] === place) last[1]++
    else found.push([place, 1])
  }
  return found
}
