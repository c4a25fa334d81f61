// What each program is told, to the letter. Those that can be run here are, in programs.test.ts.
import { expect, test } from 'vitest'
import { PortPlan, type RenderTarget } from '../../../src/ports/index.js'

const PLAN = new PortPlan([
  { regions: ['sea'], port_start: 10000, port_end: 19999, per_node: ['sea-1', 'sea-2'] },
  { regions: ['ord'], port_mask: '0x0000_0000_0030_0000' },
  { nodes: ['hole'], port_start: 21000, port_end: 21099 },
  { nodes: ['one'], port_start: 7882, port_end: 7882 },
  { nodes: ['a', 'b'], port_start: 30000, port_end: 30099 },
  { nodes: ['buried'], port_start: 10000, port_end: 29999 },
  { nodes: ['spread'], port_start: 40000, port_end: 40000 },
  { nodes: ['spread'], port_start: 40002, port_end: 40009 },
])

test.each<[RenderTarget, string]>([
  ['livekit', 'rtc:\n  port_range_start: 15000\n  port_range_end: 19999\n'],
  [
    'mediasoup',
    'const listenInfos = [\n  { protocol: "udp", ip: "0.0.0.0", portRange: { min: 15000, max: 19999 } },\n];\n',
  ],
  ['coturn', 'min-port=15000\nmax-port=19999\n'],
  ['werift', 'const configuration = { icePortRange: [15000, 19999] };\n'],
  ['node-datachannel', 'const configuration = { iceServers: [], portRangeBegin: 15000, portRangeEnd: 19999 };\n'],
  [
    'pion',
    'settingEngine := webrtc.SettingEngine{}\n' +
      'if err := settingEngine.SetEphemeralUDPPortRange(15000, 19999); err != nil {\n\tpanic(err)\n}\n',
  ],
])('%s', (target, told) => {
  const sign = told.includes('=') && target !== 'coturn' ? '//' : '#'
  expect(PLAN.render(target, 'sea-2')).toBe(`${sign} Node sea-2: UDP ports 15000-19999.\n${told}`)
})

test('agones, for a cluster', () => {
  expect(PLAN.render('agones', 'sea-1')).toBe(`# Node sea-1: UDP ports 10000-14999.
# Every machine of the cluster gives these out, so a cluster is one node of the plan.
gameservers:
  minPort: 10000
  maxPort: 14999
`)
})

test('fly takes all windows, of a region too', () => {
  const notes = `Fly sends UDP to the nearest machine of an app, whatever
# the port: the app has to be of this one alone, with an IPv4 address of its own, bound to fly-global-services.
`
  expect(PLAN.render('fly', 'spread')).toBe(`# Node spread. ${notes}[[services]]
  protocol = "udp"
  internal_port = 40000

  [[services.ports]]
    port = 40000

  [[services.ports]]
    start_port = 40002
    end_port = 40009
`)
  expect(PLAN.render('fly', 'sea')).toContain('primary_region = "sea"\n\n[[services]]\n')
  // What Fly reads is no plan.
  expect(PortPlan.parse(PLAN.render('fly', 'sea')).entries).toEqual([])
})

test('comments: more windows than one, a region, who shares', () => {
  expect(PLAN.render('coturn', 'ord')).toBe(`# Region ord: UDP ports 21100-22527.
# It has more, which one range cannot say: 20480-20999.
# For one node: a second one needs ports of its own (per_node).
min-port=21100
max-port=22527
`)
  expect(PLAN.render('coturn', 'a')).toBe(
    '# Node a: UDP ports 30000-30099.\n# Shared with b.\nmin-port=30000\nmax-port=30099\n',
  )
})

test('options', () => {
  expect(PLAN.render('livekit', 'sea-1', { mux: true })).toContain('rtc:\n  udp_port: 10000\n')
  expect(PLAN.render('livekit', 'one')).toContain('rtc:\n  udp_port: 7882\n')
  expect(PLAN.render('node-datachannel', 'one')).toContain('portRangeBegin: 7882, portRangeEnd: 7882 }')
  const snippet = PLAN.render('mediasoup', 'sea-1', { ip: '10.0.0.7', announcedAddress: '198.51.100.2' })
  expect(new Function(`${snippet} return listenInfos`)()).toEqual([
    { protocol: 'udp', ip: '10.0.0.7', announcedAddress: '198.51.100.2', portRange: { min: 10000, max: 14999 } },
  ])
  expect(PLAN.render('nftables', 'sea', { table: 'edge' })).toContain('table inet edge {')
})

test('what cannot be is refused', () => {
  const refuse = (code: string, message: string, render: () => string) =>
    expect(render).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  refuse('ERR_PORT_PLAN_OWNER', '"sea" is divided among sea-1, sea-2. Render for one of them', () =>
    PLAN.render('livekit', 'sea'),
  )
  for (const target of ['livekit', 'fly', 'nftables'] as const) {
    refuse('ERR_PORT_PLAN_OWNER', '"gone" has no port', () =>
      new PortPlan([
        { nodes: ['gone'], port_start: 10, port_end: 30 },
        { nodes: ['here'], port_start: 10, port_end: 25 },
        { nodes: ['there'], port_start: 20, port_end: 32 },
        { nodes: ['too'], port_start: 26, port_end: 30 },
      ]).render(target, 'gone'),
    )
  }
  refuse('ERR_PORT_PLAN_TARGET', 'werift: the window is port 7882 alone', () => PLAN.render('werift', 'one'))
  refuse('ERR_INVALID_ARG_VALUE', "must be one of 'livekit', 'mediasoup'", () => PLAN.render('jitsi' as never, 'one'))
  refuse('ERR_INVALID_ARG_VALUE', 'must be one of', () => PLAN.render('toString' as never, 'one'))
  refuse('ERR_UNKNOWN_OPTION', 'Did you mean "mux"?', () => PLAN.render('livekit', 'one', { mix: true } as never))
  refuse('ERR_UNKNOWN_OPTION', '"mux"', () => PLAN.render('coturn', 'one', { mux: true } as never))
  refuse('ERR_INVALID_ARG_TYPE', '"options.mux"', () => PLAN.render('livekit', 'one', { mux: 1 } as never))
  refuse('ERR_INVALID_ARG_TYPE', '"options.ip"', () => PLAN.render('mediasoup', 'one', { ip: 1 } as never))
  refuse('ERR_INVALID_ARG_VALUE', '"options.announcedAddress"', () =>
    PLAN.render('mediasoup', 'one', { announcedAddress: '' }),
  )
  refuse('ERR_INVALID_ARG_VALUE', '"options.table"', () => PLAN.render('nftables', 'one', { table: 'a b' }))
})
