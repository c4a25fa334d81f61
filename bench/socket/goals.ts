import { atLeast, atMost, type Goal } from '../harness/report.js'
import { ratio } from '../harness/rounds.js'
import type { CaseReport } from './render.js'

/** What the batch API must reach of C at 512 bytes; other sizes may be `SIZE_ALLOWANCE` below. */
const BATCH_OF_C = { '16x16': 0.97, '4x4': 0.92 }
const SIZE_ALLOWANCE = 0.03

export function goals(reports: readonly CaseReport[]): Goal[] {
  const compare = (id: string, of: string, by: string, figure?: 'p50s'): number | null =>
    ratio(reports.find((report) => report.case === id)?.results ?? [], of, by, figure)

  const batchOfC = Object.entries(BATCH_OF_C).flatMap(([load, want]) => [
    atLeast(`batch, ${load}, 512 bytes: of C`, want, compare(`${load}-512`, 'batch', 'c-mmsg')),
    ...[32, 1200].map((size) => {
      const got = compare(`${load}-${size}`, 'batch', 'c-mmsg')
      return atLeast(`batch, ${load}, ${size} bytes: of C`, Number((want - SIZE_ALLOWANCE).toFixed(2)), got)
    }),
  ])

  return [
    ...batchOfC,
    atLeast('batch, 16x16, 512 bytes: of node:dgram', 3, compare('16x16-512', 'batch', 'dgram')),
    atLeast('batch, 16x16, 512 bytes: of Bun sendMany', 1.3, compare('16x16-512', 'batch', 'bun')),
    atLeast('message, 16x16, 512 bytes: of C', 0.9, compare('16x16-512', 'message', 'c-mmsg')),
    atLeast('message, 16x16, 512 bytes: of node:dgram', 2.7, compare('16x16-512', 'message', 'dgram')),
    atLeast('batch with gso, 16x16, 512 bytes: of C without', 1.1, compare('gso-512', 'batch-gso', 'c-mmsg')),
    ...[1200, 32].map((size) =>
      atLeast(
        `batch with gro, UDP_SEGMENT peer, ${size} bytes: of C with gro`,
        0.85,
        compare(`gro-${size}`, 'batch-gro', 'c-mmsg-gro'),
      ),
    ),
    ...['batch', 'message'].flatMap((api) => [
      atLeast(`${api}, 1x1: of node:dgram`, 1.25, compare('1x1-512', api, 'dgram')),
      atMost(`${api}, 1x1, p50 round trip: of C`, 1.15, compare('1x1-512', api, 'c-mmsg', 'p50s')),
    ]),
    atLeast('batch with proxyProtocol: of batch without', 0.85, compare('proxy-512', 'batch-proxy', 'batch')),
    atMost('lost or changed by udp-dsr in all cases, datagrams', 0, failures(reports)),
  ]
}

function failures(reports: readonly CaseReport[]): number | null {
  const ours = reports.flatMap(({ results }) => results).filter(({ server }) => /^(batch|message)/.test(server))
  return ours.length === 0 ? null : ours.reduce((sum, { lost, corrupt }) => sum + lost + corrupt, 0)
}
