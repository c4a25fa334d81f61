import type { TableCase } from './cases.js'
import { percent } from './render.js'

/** Sizes in pixels. */
const WIDTH = 900
const HEIGHT = 380
const PLOT = { top: 70, height: 230, width: 320 }
const LEFT = [70, 530] as const

/** Colours that people who see few colours can tell apart, on white and on black. */
const KINDS = [
  { kind: 'maglev', size: 65537, colour: '#d55e00' },
  { kind: 'bounded-rendezvous', size: 65536, colour: '#0072b2' },
] as const
const POOLS = ['10', '100', '1000', 'mixed'] as const
/** Of `POOLS`, on the axis. */
const NAMES = ['10', '100', '1000', '1 2 4 8'] as const

/** The pool whose loads are shown one by one. */
const SHOWN = '100'
const LOADS = { least: 0.9, most: 1.06, step: 0.02 } as const
/** Per cent, from the axis up, in powers of ten. */
const MOVES = { least: 0.0001, most: 10 } as const

const GREY = '#808080'

/** Draws evenness and needless moves of the default tables as SVG: two plots side by side. */
export function drawTables(cases: readonly TableCase[]): string {
  const find = (kind: string, size: number, pool: string) =>
    cases.find((one) => one.kind === kind && one.size === size && one.pool === pool) as TableCase
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    '<title>Evenness and needless moves of the two tables</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...legend(),
    ...loadPlot(find),
    ...movePlot(find),
    '</svg>',
  ]
  return `${lines.join('\n')}\n`
}

type Find = (kind: string, size: number, pool: string) => TableCase

/** Each backend's slots, most first: a flat line is an even table. */
function loadPlot(find: Find): string[] {
  const [left] = LEFT
  const y = (load: number) => PLOT.top + (PLOT.height * (LOADS.most - load)) / (LOADS.most - LOADS.least)
  const ticks = Math.round((LOADS.most - LOADS.least) / LOADS.step)
  const grid = Array.from({ length: ticks + 1 }, (_, i) => LOADS.least + i * LOADS.step)
  const curves = KINDS.map(({ kind, size, colour }) => {
    const { loads } = find(kind, size, SHOWN)
    const points = loads.map((load, i) => `${round(left + (PLOT.width * i) / (loads.length - 1))},${round(y(load))}`)
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`
  })
  return [
    heading(left, `Load of each of ${SHOWN} equal backends`, 'share of the slots ÷ fair share, largest first'),
    ...grid.flatMap((load) => line(left, y(load), load.toFixed(2))),
    ...curves,
    text(left + PLOT.width / 2, PLOT.top + PLOT.height + 20, `${SHOWN} backends`, 'middle'),
  ]
}

/** Flows that move and need not, when one backend goes: on a logarithmic scale. */
function movePlot(find: Find): string[] {
  const [, left] = LEFT
  const decades = Math.log10(MOVES.most / MOVES.least)
  const y = (share: number) => {
    const shown = Math.max(share, MOVES.least)
    return PLOT.top + PLOT.height * (1 - Math.log10(shown / MOVES.least) / decades)
  }
  const grid = Array.from({ length: decades + 1 }, (_, i) => MOVES.least * 10 ** i)
  const slot = PLOT.width / POOLS.length
  const bottom = PLOT.top + PLOT.height
  const bars = POOLS.flatMap((pool, i) =>
    KINDS.flatMap(({ kind, size, colour }, j) => {
      const share = 100 * find(kind, size, pool).needless.remove
      const x = left + slot * (i + 0.14 + 0.38 * j)
      const top = y(share)
      return [
        `<rect x="${round(x)}" y="${round(top)}" width="${round(slot * 0.34)}" height="${round(bottom - top)}" fill="${colour}"/>`,
        text(x + slot * 0.17, top - 5, share === 0 ? '0' : percent(share / 100), 'middle', 11),
      ]
    }),
  )
  return [
    heading(left, 'Needless moves when one backend goes', '% of all flows, logarithmic'),
    ...grid.flatMap((share) => line(left, y(share), String(Number(share.toPrecision(1))))),
    ...bars,
    ...NAMES.map((name, i) => text(left + slot * (i + 0.5), bottom + 20, name, 'middle')),
    text(left + PLOT.width / 2, bottom + 40, 'backends (the last: 100 with weights 1, 2, 4, 8)', 'middle'),
  ]
}

function legend(): string[] {
  return KINDS.flatMap(({ kind, size, colour }, i) => {
    const x = LEFT[0] + 250 * i
    return [
      `<rect x="${x}" y="352" width="14" height="14" fill="${colour}"/>`,
      text(x + 20, 364, `${kind}, ${size} slots`),
    ]
  })
}

function heading(left: number, title: string, subtitle: string): string {
  return `${text(left, 28, title, 'start', 15)}\n${text(left, 48, subtitle, 'start', 12)}`
}

function line(left: number, y: number, label: string): string[] {
  return [
    `<line x1="${left}" y1="${round(y)}" x2="${left + PLOT.width}" y2="${round(y)}" stroke="${GREY}" stroke-width="0.4"/>`,
    text(left - 8, y + 4, label, 'end', 11),
  ]
}

function text(x: number, y: number, what: string, anchor = 'start', size = 13): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="#202020">${what}</text>`
}

const round = (value: number): string => String(Number(value.toFixed(1)))
