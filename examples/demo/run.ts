// `npm run demo`: shows the bug and the cure with real clients, on loopback and, as root, in network namespaces.
// With --json it prints what each client saw as one object. The exit code is 1 when the cure fails anywhere.

import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { whyNoDataCenter } from '../netns/data-center.js'
import { whyNoNamespaces } from '../netns/index.js'
import { type Act, EdgeStory } from './edge/story.js'
import { type ClientName, examine, PACKAGES, programs, type Result } from './examine.js'
import { loopback, namespaces, type Place } from './place.js'
import { heading, render, renderAct } from './table.js'

const { json } = readOptions()
const clients: ClientName[] = [...programs, 'own client']
const skipped: { what: string; why: string }[] = []
const results: Result[] = []
const acts: Act[] = []

function readOptions(): { json: boolean } {
  try {
    return parseArgs({ options: { json: { type: 'boolean', default: false } } }).values
  } catch (error) {
    console.error(`${(error as Error).message}. Usage: npm run demo [-- --json]`)
    process.exit(2)
  }
}

const say = (text: string) => {
  if (!json) console.log(text)
}

// Servers, clients and namespaces are removed when this process exits, and so it must exit, not die.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}

const isCure = (result: Result) => result.server !== 'node:dgram'

async function show(place: Place): Promise<void> {
  say(`\n${heading(place.title)}\n`)
  const found = await examine(place)
  results.push(...found)
  const bug = found.filter((result) => !isCure(result))
  say(`   ${heading('node:dgram')}\n${render(bug, clients)}\n`)
  say(`   ${heading('udp-dsr')}  (✓: right in each of its ways to answer, reply(), batch.reply() and send({ from }))`)
  say(`${render(found.filter(isCure), clients)}\n`)
}

const WHY = `Why node:dgram fails: it is not told which address a datagram came to, and cannot say which one its answer is to
leave from, so the kernel takes an address of the interface that the answer leaves through. Where that happens to be
the one asked, all is well. Elsewhere kdig sees an answer from a stranger and refuses it; dig and our own client have
connected sockets, for which the kernel drops it, so they wait until they give up.
Why udp-dsr works: it gets the address with each datagram (IP_PKTINFO), and answers from there.`

say(`One server, bound to the wildcard address, is asked at several addresses. A client takes an answer only from the
address that it asked; anything else could come from anybody, and a NAT in between would not even let it through.`)

await show(loopback())

say(WHY)

const noNamespaces = whyNoNamespaces()
if (noNamespaces === undefined) {
  const place = await namespaces()
  try {
    await show(place)
  } finally {
    place.close()
  }
} else {
  skipped.push({ what: 'the part in network namespaces', why: noNamespaces })
}

const EDGE = `Now with an edge in front, as Forwarder sets it up: an XDP program that hands each datagram for the VIP 198.51.100.2 to one of
three backends, by a hash of the client's address and port. Answers go straight back, past the edge. All of it is on this
machine, in six network namespaces: a client, a router, the edge, and the backends.`

const noEdge = whyNoDataCenter()
if (noEdge === undefined) {
  say(`\n${heading('An edge and its backends')}\n\n${EDGE}\n`)
  const story = await EdgeStory.begin()
  try {
    await story.play((act) => {
      acts.push(act)
      say(renderAct(act))
    })
  } finally {
    story.end()
  }
} else {
  skipped.push({ what: 'the part with an edge', why: noEdge })
}
for (const name of Object.keys(PACKAGES) as (keyof typeof PACKAGES)[]) {
  if (!programs.includes(name))
    skipped.push({ what: `the client ${name}`, why: `not installed (package ${PACKAGES[name]})` })
}

const asked = results.filter(isCure)
const wrong = asked.filter((result) => !result.ok)
const lost = acts.flatMap(({ rows }) => rows).filter(({ flows, answered }) => answered < flows)
// One of them is the bug.
const edged = acts.length === 0 || (lost.length === 1 && acts.every(({ moved }) => moved === 0))
if (json) console.log(JSON.stringify({ cured: wrong.length === 0, edged, results, acts, skipped }, null, 2))
for (const { what, why } of skipped) say(`\nSkipped: ${what}: ${why}`)
say(
  wrong.length === 0
    ? `\n${asked.length} of ${asked.length} answers of udp-dsr came from the address that was asked.`
    : `\n${wrong.length} of ${asked.length} answers of udp-dsr went wrong.`,
)
if (acts.length > 0) {
  const flows = acts.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.flows, 0)
  const unanswered = lost.reduce((sum, row) => sum + row.flows - row.answered, 0)
  const moved = acts.reduce((sum, act) => sum + act.moved, 0)
  say(
    `${flows} times a flow asked through the edge, and ${flows - unanswered} times it was answered from the VIP; the other ${unanswered} are those of node:dgram ` +
      `before it had SourceRewrite. ${moved} flows moved that need not have.`,
  )
}
process.exitCode = wrong.length === 0 && edged ? 0 : 1
