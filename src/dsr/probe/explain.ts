import { isIPv6 } from 'node:net'
import type { Attempt } from './attempt.js'
import type { Questions } from './options.js'
import type { Verdict } from './probe.js'

type Of<Outcome extends Attempt['outcome']> = Extract<Attempt, { outcome: Outcome }>

/** What a verdict means here, and what helps. */
export function explain(
  verdict: Verdict,
  { vip, port, timeout }: Questions,
  attempts: readonly Attempt[],
): { summary: string; fix?: string } {
  const end = `${vip.text} port ${port}`
  const first = <Outcome extends Attempt['outcome']>(outcome: Outcome) =>
    attempts.find((one) => one.outcome === outcome) as Of<Outcome>
  const sizes = (outcomes: readonly Attempt[]) => outcomes.map(({ size }) => size).join(', ')
  const answered = attempts.filter(({ outcome }) => outcome === 'answered')
  const failed = attempts.filter(({ outcome }) => outcome !== 'answered')
  switch (verdict) {
    case 'works':
      return { summary: `${end} answers, from that address, datagrams of ${sizes(answered)} bytes` }
    case 'wrong-source': {
      const { address, port: other } = first('wrong-source')
      const from = address === vip.text ? `port ${other}` : other === port ? address : `${address} port ${other}`
      const fix =
        address === vip.text
          ? 'Something between here and the program changes ports: look for NAT, with checkHost on the backend'
          : 'The program must answer from the address that was asked: PktInfoSocket does, and replyFixes has ways that leave it as it is (docs/fix-replies.md)'
      return {
        summary: `${end} answered from ${from} instead of ${address === vip.text ? `port ${port}` : vip.text}`,
        fix,
      }
    }
    case 'unexpected-answer': {
      const { size, answer } = first('unexpected')
      const cut = answer < size ? `, ${size - answer} bytes fewer than were sent` : ''
      return { summary: `${end} answered ${size} bytes with ${answer} bytes that were not expected${cut}` }
    }
    case 'small-only': {
      const { mtu, by } = tooBig(failed)
      const told = mtu > 0 ? `: ${by ?? 'this host'} says that ${mtu} bytes of IP packet fit` : ''
      return {
        summary: `${end} answers datagrams of ${sizes(answered)} bytes, and none of ${sizes(failed)}${told}`,
        fix: 'Somewhere on the way, there or back, the MTU is too small, with what the delivery adds: checkHost on edge and backend, path-mtu. Or fragments are dropped',
      }
    }
    case 'refused': {
      const { code, by } = first('refused')
      return {
        summary: `${end} refused: ${code}${by === undefined ? ', says this host' : `, says ${by}`}`,
        fix: REFUSALS[code] ?? UNKNOWN_REFUSAL,
      }
    }
    case 'some-lost':
      return {
        summary: `${end} answered ${answered.length} of ${attempts.length} datagrams, whatever their size`,
        fix: 'Packets are lost, or one of several backends does not answer: checkHost on each of them',
      }
    case 'no-answer':
      return {
        summary: `${end} did not answer within ${timeout} ms`,
        fix:
          'If the server answers only what it understands, give a payload. Else run checkHost on the backend, and on the edge. A firewall or NAT between here and there drops answers from a wrong source, ' +
          `too: probe from the same segment as well${isIPv6(vip.text) ? '' : ', and ask the backend by its own address'}`,
      }
  }
}

function tooBig(failed: readonly Attempt[]): { mtu: number; by: string | undefined } {
  const refused = failed.find((one): one is Of<'refused'> => one.outcome === 'refused' && one.mtu > 0)
  return refused ?? { mtu: 0, by: undefined }
}

const REFUSALS: Record<string, string> = {
  ECONNREFUSED:
    'The datagram reached a host with the address, and no program listens on that port there: start it, or bind it to the wildcard',
  EHOSTUNREACH:
    'Nobody has the address where packets for it end: checkHost on the edge, next-hops; on the backend, vip-local',
  ENETUNREACH: 'There is no route to the address: look at the routes here and at the router that says so',
  EMSGSIZE: 'The datagram does not fit: checkHost on edge and backend, path-mtu',
  EACCES: 'A firewall rejects it: the own one, or that of the host which says so',
}
const UNKNOWN_REFUSAL = 'Look at the host that says so'
