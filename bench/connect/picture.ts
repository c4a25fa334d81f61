import { writeFileSync } from 'node:fs'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { inRepository } from '../harness/paths.js'
import type { ConnectCase } from './goals.js'
import type { ChurnCase, FillCase } from './native.js'

const FILL_PICTURE = 'docs/connect.svg'
const CHURN_PICTURE = 'docs/connect-churn.svg'

/** Colours that people who see few colours can tell apart (Okabe and Ito), on white. */
const EVEN = '#0072b2'
const ODD = '#d55e00'
const WAYS: readonly { id: string; colour: string; dash: number[] }[] = [
  { id: 'exact', colour: '#009e73', dash: [] },
  { id: 'full', colour: '#0072b2', dash: [] },
  { id: 'window-500', colour: '#56b4e9', dash: [] },
  { id: 'window-10000', colour: '#56b4e9', dash: [6, 3] },
  { id: 'repeat', colour: '#cc79a7', dash: [] },
  { id: 'default', colour: '#d55e00', dash: [] },
  { id: 'bind', colour: '#e69f00', dash: [] },
]
/** Labels of the logarithmic axes. */
const POWERS = [1, 10, 100, 1000, 10_000, 100_000]

/** Those that have a plot of their own in the picture of filling. */
const FILLED = ['default', 'bind', 'full', 'window-1000', 'repeat', 'exact']

const FONT = {
  font: 'sans-serif',
  background: '#ffffff',
  config: { aria: false, font: 'sans-serif', view: { stroke: '#c0c0c0' }, legend: { labelLimit: 0 } },
}

/** Draws the pictures of docs/connect.md. @returns their paths */
export async function draw(cases: readonly ConnectCase[]): Promise<string[]> {
  const fills = cases.filter((one): one is FillCase => one.part === 'fill' && one.protocol === 'tcp')
  const churns = cases.filter(
    (one): one is ChurnCase => one.part === 'churn' && one.protocol === 'tcp' && one.closing === 'reset',
  )
  const pictures: [string, TopLevelSpec][] = [[CHURN_PICTURE, churnPlot(churns)]]
  if (fills.length > 0) pictures.unshift([FILL_PICTURE, fillPlots(fills)])
  for (const [path, spec] of pictures) {
    const view = new View(parse(compile(spec).spec), { renderer: 'none' })
    writeFileSync(inRepository(path), `${shortened(await view.toSVG())}\n`)
    view.finalize()
  }
  return pictures.map(([path]) => path)
}

/** Coordinates to the tenth of a pixel: a third of the bytes. */
const shortened = (svg: string): string => svg.replace(/(\d+\.\d)\d+/g, '$1')

/** Latency by the range's use, per cent by per cent, even and odd ports apart. */
function fillPlots(cases: readonly FillCase[]): TopLevelSpec {
  const scale = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'µs',
    scale: { type: 'log' },
    axis: { format: '~s', values: POWERS },
  })
  const shown = FILLED.flatMap((id) => cases.filter(({ way }) => way === id))
  const values = shown.flatMap(({ title, bins }) =>
    bins.map(({ use, parity, p50us, p99us }) => ({ way: title, use, ports: parity ? 'odd' : 'even', p50us, p99us })),
  )
  return {
    ...FONT,
    title: 'Opening a TCP connection while 56,512 local ports fill up: median (thick) and 99th percentile (thin)',
    data: { values },
    facet: { field: 'way', type: 'nominal', sort: shown.map(({ title }) => title), title: null, columns: 3 },
    columns: 3,
    spec: {
      width: 250,
      height: 150,
      layer: [
        { mark: { type: 'line', strokeWidth: 0.7, opacity: 0.7 }, encoding: { y: scale('p99us') } },
        { mark: { type: 'line', strokeWidth: 2 }, encoding: { y: scale('p50us') } },
      ],
      encoding: {
        x: { field: 'use', type: 'quantitative', title: 'ports in use, %', scale: { domain: [0, 100] } },
        color: {
          field: 'ports',
          type: 'nominal',
          title: 'local port',
          scale: { domain: ['even', 'odd'], range: [EVEN, ODD] },
        },
      },
    },
  } as TopLevelSpec
}

/** Openings a second at a steady use. Not to scale across: what happens near 100 % is of interest. */
function churnPlot(cases: readonly ChurnCase[]): TopLevelSpec {
  const shown = WAYS.flatMap(({ id, ...look }) => {
    const mine = cases.filter(({ way }) => way === id)
    return mine[0] ? [{ title: mine[0].title, mine, ...look }] : []
  })
  const values = shown.flatMap(({ title, mine }) =>
    mine.map(({ use, rate }) => ({ way: title, use: `${use} %`, rate })),
  )
  const domain = shown.map(({ title }) => title)
  return {
    ...FONT,
    title: 'One connection closed, one opened: openings per second',
    width: 560,
    height: 300,
    data: { values },
    mark: { type: 'line', point: { size: 40 }, strokeWidth: 2 },
    encoding: {
      x: { field: 'use', type: 'ordinal', sort: null, title: 'ports in use', axis: { labelAngle: 0 } },
      y: {
        field: 'rate',
        type: 'quantitative',
        title: 'openings per second',
        scale: { type: 'log' },
        axis: { format: '~s', values: POWERS },
      },
      color: {
        field: 'way',
        type: 'nominal',
        title: null,
        sort: domain,
        scale: { domain, range: shown.map(({ colour }) => colour) },
      },
      strokeDash: {
        field: 'way',
        type: 'nominal',
        title: null,
        scale: { domain, range: shown.map(({ dash }) => dash) },
      },
    },
  } as TopLevelSpec
}
