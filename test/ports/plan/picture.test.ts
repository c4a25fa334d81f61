// The pictures say of every port what the plan says.
import { describe, expect, test } from 'vitest'
import { PortPlan } from '../../../src/ports/index.js'
import { MASKS_AS_WRITTEN, RANGES } from './forms.js'

const FORMS = [RANGES, MASKS_AS_WRITTEN, '', '[[ports]]\nnodes = ["a<b>&"]\nport_start = 1023\nport_end = 4096']
const LEFT = 64
const TOP = 48
const ROW_HEIGHT = 8

function nameAt(plan: PortPlan, port: number): string {
  const owner = plan.owner(port)
  if (owner === undefined) return 'default'
  return owner.nodes.length > 0 ? owner.nodes.join() : owner.regions.join()
}

describe('toSVG', () => {
  test.each(FORMS)('paints each port once, in the colour that the legend has for its owner', (text) => {
    const plan = PortPlan.parse(text)
    const svg = plan.toSVG()
    const colours: string[] = new Array(65536)
    for (const [, fill, d] of svg.matchAll(/<path fill="([^"]+)" d="([^"]+)"\/>/g)) {
      for (const [, x, y, width, height] of d!.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)h-\3z/g)) {
        for (let row = 0; row < Number(height) / ROW_HEIGHT; row++) {
          const first = ((Number(y) - TOP) / ROW_HEIGHT + row) * 1024 + Number(x) - LEFT
          for (let port = first; port < first + Number(width); port++) {
            expect(colours[port]).toBeUndefined()
            colours[port] = fill!
          }
        }
      }
    }
    const legend = [...svg.matchAll(/fill="([^"]+)" stroke="#444"\/><text [^>]*>(.*?), ([\d,]+) ports?: /g)]
    const nameOf = Object.fromEntries(
      legend.map(([, fill, name]) => [fill, name!.replace(/&lt;/, '<').replace(/&gt;/, '>').replace(/&amp;/, '&')]),
    )
    const expected = colours.map((_, port) => nameAt(plan, port))
    expect(Array.from(colours, (fill) => nameOf[fill])).toEqual(
      Array.from({ length: 65536 }, (_, port) => expected[port]),
    )
    for (const [, , name, count] of legend) {
      const plain = name!.replace(/&lt;/, '<').replace(/&gt;/, '>').replace(/&amp;/, '&')
      expect(Number(count!.replaceAll(',', ''))).toBe(expected.filter((owner) => owner === plain).length)
    }
  })

  test('stands alone, can be read aloud, and needs no colours', () => {
    const svg = PortPlan.parse(RANGES).toSVG({ title: 'Media <ports> & more' })
    expect(svg).toMatch(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*role="img" aria-labelledby="port-plan-title port-plan-ports"/,
    )
    expect(svg).toContain('<title id="port-plan-title">Media &lt;ports&gt; &amp; more</title>')
    expect(svg).toContain('<desc id="port-plan-ports">sea: 10,000 ports: 10000–19999. ord: 10,000 ports: 20000–29999. ')
    for (const name of ['sea', 'ord', 'fra']) expect(svg).toMatch(new RegExp(`text-anchor="middle"[^>]*>${name}<`))
    expect(svg.replace(/xmlns="[^"]*"/, '')).not.toMatch(/https?:|<script|<image|@import/)
  })

  test('tells more owners apart than there are colours', () => {
    const plan = new PortPlan([
      { regions: ['sea'], port_start: 10000, port_end: 29999, per_node: Array.from({ length: 28 }, (_, i) => `n${i}`) },
    ])
    const svg = plan.toSVG()
    const looks = [...svg.matchAll(/<path fill="([^"]+)" d=/g)].map(([, fill]) => {
      const pattern = /url\(#(.*)\)/.exec(fill!)?.[1]
      return pattern === undefined ? fill : new RegExp(`<pattern id="${pattern}"[^>]*>(.*?)</pattern>`).exec(svg)?.[1]
    })
    expect(new Set(looks).size).toBe(29)
  })

  test('of options that there are', () => {
    const plan = PortPlan.parse('')
    expect(() => plan.toSVG({ titel: 'x' } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }))
    expect(() => plan.toSVG({ title: 5 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })
})

describe('toText', () => {
  test('draws the three ranges', () => {
    expect(PortPlan.parse(RANGES).toText({ width: 32, rows: 8 })).toBe(`    0 ································
 8192 ·······AAAAAAAAAAAAAAAAAAAAAAAAA
16384 AAAAAAAAAAAAAABBBBBBBBBBBBBBBBBB
24576 BBBBBBBBBBBBBBBBBBBBBCCCCCCCCCCC
32768 CCCCCCCCCCCCCCCCCCCCCCCCCCCC····
40960 ································
49152 ································
57344 ································
      each character is 256 ports

A sea      10,000 ports: 10000–19999
B ord      10,000 ports: 20000–29999
C fra      10,000 ports: 30000–39999
· default  35,536 ports: 0–9999, 40000–65535
`)
  })

  test.each(FORMS)('shows at 256 by 256 who has each port', (text) => {
    const plan = PortPlan.parse(text)
    const lines = plan.toText({ width: 256, rows: 256 }).split('\n')
    const drawn = lines.slice(0, 256).flatMap((line) => [...line.slice(6)])
    const names = Object.fromEntries(lines.slice(258, -1).map((line) => [line[0], /^. (\S+)/.exec(line)?.[1]]))
    expect(drawn.map((mark) => names[mark])).toEqual(drawn.map((_, port) => nameAt(plan, port)))
  })

  test('has escapes only when asked, and the same text with them', () => {
    const plan = PortPlan.parse(RANGES)
    const coloured = plan.toText({ colors: true })
    expect(plan.toText()).not.toContain('\x1b')
    expect(coloured).toContain('\x1b[30;48;5;25mA')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes themselves
    expect(coloured.replace(/\x1b\[[\d;]*m/g, '')).toBe(plan.toText())
  })

  test('has a mark for everybody else when letters run out', () => {
    const nodes = Array.from({ length: 70 }, (_, i) => ({
      nodes: [`n${i}`],
      port_start: i * 512,
      port_end: i * 512 + 511,
    }))
    expect(new PortPlan(nodes).toText()).toMatch(/^# n69 /m)
  })

  test.each([
    [{ width: 7 }, 'ERR_OUT_OF_RANGE'],
    [{ width: 257 }, 'ERR_OUT_OF_RANGE'],
    [{ rows: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ colors: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ colours: true }, 'ERR_UNKNOWN_OPTION'],
  ])('refuses %o', (options, code) => {
    expect(() => PortPlan.parse('').toText(options as never)).toThrow(expect.objectContaining({ code }))
  })
})
