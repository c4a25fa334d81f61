import { type Outcome, unknown, warning } from '../finding.js'
import { ask } from '../host/tools.js'
import type { Check } from './check.js'

/** What `tc -json` prints: of a filter that part which is read here. */
interface Filter {
  kind?: string
  pref?: number
  protocol?: string
  options?: { bpf_name?: string; actions?: { kind?: string; control_action?: { type?: string } }[] }
}

/** How the names begin by which `SourceRewrite` attaches its filters. */
const OURS = 'udp-dsr '

/** Filters of traffic control see each reply, and may drop or change it; netem is for laboratories. */
export const trafficControl: Check = {
  id: 'traffic-control',
  title: 'no filter of traffic control is in the way of requests or replies',
  applies: ({ role, interface: on }) => role === 'backend' && on !== undefined,
  look: async ({ interface: on }) => {
    const name = on!.name
    const [disciplines, ingress, egress] = await Promise.all([
      ask('tc', ['-json', 'qdisc', 'show', 'dev', name], 'iproute2'),
      ask('tc', ['-json', 'filter', 'show', 'dev', name, 'ingress'], 'iproute2'),
      ask('tc', ['-json', 'filter', 'show', 'dev', name, 'egress'], 'iproute2'),
    ])
    if ('missing' in disciplines) return [unknown(`Could not see the filters of ${name}`, `${disciplines.missing}.`)]
    return [
      ...netem(name, JSON.parse(disciplines.output || '[]')),
      ...filters(name, 'ingress', ingress),
      ...filters(name, 'egress', egress),
    ]
  },
}

function filters(name: string, hook: string, told: Awaited<ReturnType<typeof ask>>): Outcome[] {
  // Without clsact there is no such hook, and tc says so by failing.
  if ('missing' in told) return []
  // The classifier u32 prints its tables, too, under the filter's preference; the rule comes last.
  const last = new Map((JSON.parse(told.output || '[]') as Filter[]).map((filter) => [filter.pref, filter]))
  return [...last.values()]
    .filter(({ options }) => !(options?.bpf_name ?? '').startsWith(OURS))
    .map(({ kind, pref, protocol, options }) => {
      const actions = (options?.actions ?? []).map((action) =>
        [action.kind, action.control_action?.type].filter(Boolean).join(' '),
      )
      const what = options?.bpf_name ?? (actions.join(', ') || kind)
      return warning(
        `A filter at ${hook} of ${name} sees ${hook === 'egress' ? 'each reply' : 'each request'}, and may change or drop it`,
        `tc filter, kind ${kind}, preference ${pref}, protocol ${protocol}: ${what}.`,
        `tc filter del dev ${name} ${hook} pref ${pref}  # if it is not needed`,
      )
    })
}

/** @internal */
export function netem(name: string, disciplines: readonly { kind: string }[]): Outcome[] {
  if (!disciplines.some(({ kind }) => kind === 'netem')) return []
  return [
    warning(
      `${name} has the queueing discipline netem, which spoils packets on purpose`,
      `\`tc qdisc show dev ${name}\` names it: it delays, drops, doubles or reorders what leaves.`,
      `tc qdisc del dev ${name} root`,
    ),
  ]
}
