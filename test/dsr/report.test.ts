import { readFileSync } from 'node:fs'
import { type ReplyFixName, type Report, renderReport, replyFixes } from 'udp-dsr/dsr'
import { describe, expect, test } from 'vitest'
import { CHECKS } from '../../src/dsr/checks/index.js'
import { version } from '../../src/dsr/checks/kernel.js'
import { lockedMemory } from '../../src/dsr/checks/limits.js'
import { merging } from '../../src/dsr/checks/offloads.js'
import { netem } from '../../src/dsr/checks/traffic-control.js'
import { readOptions } from '../../src/dsr/options.js'

const report: Report = {
  findings: [
    {
      ...{ check: 'vip-local', severity: 'error', summary: 'The VIP is not local', detail: 'Seen there.' },
      ...{ fix: 'ip route add local 198.51.100.2 dev lo\n# or so', docs: 'docs/doctor.md#vip-local' },
    },
    {
      check: 'kernel',
      severity: 'ok',
      summary: 'The kernel has what is needed',
      detail: '',
      docs: 'docs/doctor.md#kernel',
    },
  ],
  counts: { error: 1, warning: 0, unknown: 0, ok: 1 },
  ok: false,
}

describe('a report as text', () => {
  test('has what is wrong, where, and the remedy', () => {
    expect(renderReport(report)).toBe(`✗ The VIP is not local  [vip-local]
    Seen there.
    → ip route add local 198.51.100.2 dev lo
    → # or so
    see docs/doctor.md#vip-local

1 error; 1 right.
`)
  })

  test('has all, and colours, where that is wanted', () => {
    const text = renderReport(report, { color: true, verbose: true })
    expect(text).toContain('\x1b[31m✗\x1b[0m The VIP')
    expect(text).toContain('\x1b[32m✓\x1b[0m The kernel has what is needed  [kernel]')
  })

  test('of a healthy host is a line', () => {
    const healthy: Report = {
      findings: [report.findings[1]!],
      counts: { error: 0, warning: 0, unknown: 0, ok: 1 },
      ok: true,
    }
    expect(renderReport(healthy)).toBe('Nothing found: 1 right.\n')
  })

  test('takes no option that does not exist', () => {
    expect(() => renderReport(report, { colour: true } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
    )
    expect(() => renderReport(report, { color: 1 } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    )
  })
})

test('docs/doctor.md has a heading for each check, and for no other', () => {
  const text = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8')
  const headings = [...text.matchAll(/^### `?([a-z0-9-]+)`?$/gm)].map(([, name]) => name)
  expect(headings.sort()).toEqual(CHECKS.map(({ id }) => id).sort())
  expect(new Set(headings).size).toBe(headings.length)
})

// What this machine's kernel cannot be made to be.
describe('of other kernels, drivers and disciplines', () => {
  const edge = readOptions({ role: 'edge', vips: ['127.0.0.2'], interface: 'lo' })
  const backend = readOptions({ role: 'backend', vips: ['127.0.0.2'], interface: 'lo' })

  test('a kernel older than the data plane is named, where there is one', () => {
    expect(version(edge, '5.10.0-28-amd64')).toMatchObject([
      { severity: 'warning', summary: expect.stringContaining('5.15') },
    ])
    expect(version(edge, '5.15.0')).toEqual([])
    expect(version(backend, '5.10.0')).toEqual([])
  })

  test('maps count against the limit of locked memory before 5.11', () => {
    expect(lockedMemory(edge, '5.10.0', 65_536)).toMatchObject([{ severity: 'error' }])
    expect(lockedMemory(edge, '5.10.0', undefined)).toEqual([])
    expect(lockedMemory(edge, '6.1.0', 65_536)).toEqual([])
  })

  test('offloads that XDP does not get on with', () => {
    const features =
      'Features for eth0:\ngeneric-receive-offload: on\nlarge-receive-offload: on\n\trx-gro-hw: on [fixed]\n'
    expect(merging('eth0', features).map(({ fix }) => fix)).toEqual([
      'ethtool -K eth0 lro off',
      expect.stringContaining('hypervisor'),
    ])
    expect(merging('eth0', 'large-receive-offload: off [fixed]\nrx-gro-hw: on\n')).toEqual([])
  })

  test('netem is for laboratories', () => {
    expect(netem('eth0', [{ kind: 'netem' }])).toMatchObject([
      { severity: 'warning', fix: 'tc qdisc del dev eth0 root' },
    ])
    expect(netem('eth0', [{ kind: 'fq_codel' }, { kind: 'clsact' }])).toEqual([])
  })
})

describe('the fixes of replies', () => {
  const target = { vip: '2001:db8:51:0::2', port: 53, local: 'fd00::7', interface: 'eth0' }

  test.each(Object.keys(replyFixes) as ReplyFixName[])('%s says what it does and what it costs', (name) => {
    const { name: own, title, explain, commands, language, unchanged } = replyFixes[name]
    expect(own).toBe(name)
    expect(title.length).toBeGreaterThan(5)
    expect(explain().length).toBeGreaterThan(150)
    expect(commands(target)).toMatch(/\n$/)
    expect(commands(target)).toContain(name === 'pktinfo' ? 'udp6' : '2001:db8:51::2')
    expect(language === 'sh').toBe(name === 'nft' || name === 'iptables')
    expect(unchanged).toBe(name !== 'pktinfo' && name !== 'bind')
  })
})
