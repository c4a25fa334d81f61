import { checkOptions, checkString } from '../../errors/checks.js'
import type { PortRange } from '../port-range.js'
import { type LegendLine, legendOf, legendText } from './legend.js'
import { COLOURS, UNOWNED_COLOUR } from './palette.js'
import { PORTS, type Segment } from './segments.js'

/** How a plan is drawn as SVG. */
export interface SvgOptions {
  /** What it is called, to be seen and to be read aloud. Default `UDP ports by owner`. */
  title?: string
}

/** Ports of a row, one pixel each: a block of a mask. */
const ROW = 1024
const ROWS = PORTS / ROW
const ROW_HEIGHT = 8
/** Rows between two that have their first port written before them. */
const LABELLED = 4
const LEFT = 64
const TOP = 48
const LEGEND_LINE = 24
const MARGIN = 24
/** Pixels that a name in the picture needs around it, and how wide its letters are at most. */
const LABEL_HEIGHT = 20
const LETTER = 10
const FONT = 'font-family="system-ui, sans-serif"'

/**
 * Colours repeat after seven owners; the second seven are hatched, the third dotted, the fourth crossed. Names stand in
 * the picture wherever there is room, so that nobody needs the colours.
 */
const HATCHES = [
  '<path d="M0 8L8 0" stroke="#fff" stroke-width="2"/>',
  '<circle cx="4" cy="4" r="2" fill="#fff"/>',
  '<path d="M0 8L8 0M0 0L8 8" stroke="#fff" stroke-width="1.5"/>',
]

export function drawSvg(segments: readonly Segment[], options: SvgOptions): string {
  checkOptions(options, ['title'])
  const { title = 'UDP ports by owner' } = options
  checkString('options.title', title)
  const lines = legendOf(segments)
  const height = TOP + ROWS * ROW_HEIGHT + MARGIN + lines.length * LEGEND_LINE + MARGIN
  const described = lines.map((line) => `${line.name}: ${legendText(line)}`).join('. ')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + ROW + MARGIN} ${height}" role="img" aria-labelledby="port-plan-title port-plan-ports" ${FONT}>`,
    `<title id="port-plan-title">${escaped(title)}</title>`,
    `<desc id="port-plan-ports">${escaped(described)}</desc>`,
    patterns(lines),
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${LEFT}" y="28" font-size="18" fill="#111">${escaped(title)}</text>`,
    ...rowLabels(),
    ...lines.map((line, i) => `<path fill="${fillOf(line, i)}" d="${line.ranges.flatMap(shapes).join('')}"/>`),
    ...lines.flatMap(labels),
    ...lines.map(legendLine),
    '</svg>',
    '',
  ].join('\n')
}

function patterns(lines: readonly LegendLine[]): string {
  const made = lines.map((line, i) => {
    const hatch = HATCHES[hatchOf(i)]
    if (line.owner === undefined || hatch === undefined) return ''
    return `<pattern id="port-plan-${i}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="${colourOf(i)}"/>${hatch}</pattern>`
  })
  return `<defs>${made.join('')}</defs>`
}

function fillOf(line: LegendLine, i: number): string {
  if (line.owner === undefined) return UNOWNED_COLOUR
  return HATCHES[hatchOf(i)] === undefined ? colourOf(i) : `url(#port-plan-${i})`
}

function colourOf(i: number): string {
  return COLOURS[i % COLOURS.length] as string
}

/** −1 for the plain colours. */
function hatchOf(i: number): number {
  return (Math.floor(i / COLOURS.length) % (HATCHES.length + 1)) - 1
}

/** A range as at most three rectangles: the end of a row, whole rows, the beginning of a row. */
function rectangles([low, high]: PortRange): { x: number; y: number; width: number; rows: number }[] {
  const rectangles = []
  for (let port = low; port <= high; ) {
    const [x, y] = [port % ROW, Math.floor(port / ROW)]
    const left = high - port + 1
    const rows = x === 0 ? Math.max(1, Math.floor(left / ROW)) : 1
    const width = Math.min(ROW - x, left)
    rectangles.push({ x, y, width, rows })
    port += rows === 1 ? width : rows * ROW
  }
  return rectangles
}

function shapes(range: PortRange): string[] {
  return rectangles(range).map(
    ({ x, y, width, rows }) => `M${LEFT + x} ${TOP + y * ROW_HEIGHT}h${width}v${rows * ROW_HEIGHT}h-${width}z`,
  )
}

/** The owner's name on a white label in each rectangle that has room for it. */
function labels({ owner, name, ranges }: LegendLine): string[] {
  if (owner === undefined) return []
  const needed = name.length * LETTER + 8
  const roomy = ranges
    .flatMap(rectangles)
    .filter(({ width, rows }) => rows * ROW_HEIGHT >= LABEL_HEIGHT && width >= needed)
  return roomy.map(({ x, y, width, rows }) => {
    const [cx, cy] = [LEFT + x + width / 2, TOP + (y + rows / 2) * ROW_HEIGHT]
    return (
      `<rect x="${cx - needed / 2}" y="${cy - LABEL_HEIGHT / 2}" width="${needed}" height="${LABEL_HEIGHT}" rx="3" fill="#fff"/>` +
      `<text x="${cx}" y="${cy + 5}" font-size="14" text-anchor="middle" fill="#111">${escaped(name)}</text>`
    )
  })
}

function rowLabels(): string[] {
  return Array.from({ length: ROWS / LABELLED }, (_, i) => {
    const row = i * LABELLED
    const y = TOP + row * ROW_HEIGHT + 10
    return `<text x="${LEFT - 8}" y="${y}" font-size="12" text-anchor="end" fill="#444">${row * ROW}</text>`
  })
}

function legendLine(line: LegendLine, i: number): string {
  const y = TOP + ROWS * ROW_HEIGHT + MARGIN + i * LEGEND_LINE
  return (
    `<rect x="${LEFT}" y="${y}" width="16" height="16" fill="${fillOf(line, i)}" stroke="#444"/>` +
    `<text x="${LEFT + 26}" y="${y + 13}" font-size="14" fill="#111">${escaped(`${line.name}, ${legendText(line)}`)}</text>`
  )
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
