// Port pairs: a relay for RTP gives each call an even port for media, and the odd one above for RTCP (RFC 3550 §11).
//
//   npx tsx examples/rtp-pairs.ts [LOW HIGH]

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { PortWindow, type SocketPair } from 'udp-dsr/ports'

const [low = 40_000, high = 40_011] = process.argv.slice(2).map(Number)
const ADDRESS = '127.0.0.1'
const CALLS = 5

/** How long late datagrams may come after a call. A service takes seconds: the default is 60. */
const QUARANTINE_MS = 500

const window = new PortWindow({ range: [low, high], quarantine: QUARANTINE_MS, lowWater: 2, quota: 4 })
window.on('low', ({ free, total }) => console.log(`Only ${free} of ${total} ports are free`))
process.once('SIGINT', () => {
  window.close()
  process.exit()
})

/** A call: what comes to either port goes back to who sent it, which stands for the other party here. */
function relay(caller: string): SocketPair {
  const pair = window.bindSocketPair({ type: 'udp4', address: ADDRESS, owner: caller })
  pair.rtp.on('message', (media, rinfo) => pair.rtp.reply(media, rinfo))
  pair.rtcp.on('message', (report, rinfo) => pair.rtcp.reply(`${report} received`, rinfo))
  return pair
}

/** What a phone does: one packet of media, one report. */
async function talk(port: number, text: string): Promise<string> {
  const phone = createSocket('udp4')
  phone.send(text, port, ADDRESS)
  const [answer] = await once(phone, 'message')
  phone.close()
  return `${answer}`
}

const calls: SocketPair[] = []
for (let i = 1; i <= CALLS; i++) {
  const call = relay(`caller ${i}`)
  calls.push(call)
  const { rtp, rtcp } = call.lease
  const [media, report] = await Promise.all([talk(rtp.port, `media ${i}`), talk(rtcp.port, `report ${i}`)])
  console.log(`Call ${i}: RTP on ${rtp.port} brought "${media}", RTCP on ${rtcp.port} "${report}"`)
}

// One caller cannot take the ports of all.
try {
  for (;;) calls.push(relay('caller 1'))
} catch (error) {
  console.log(`No more: ${(error as Error).message}`)
}

const last = calls.pop() as SocketPair
for (const { rtp, rtcp } of calls) {
  rtp.close()
  rtcp.close()
  await once(rtcp, 'close')
}
const { free, leased, quarantined } = window.counts()
console.log(`All but one have hung up: ${leased} ports leased, ${quarantined} in quarantine, ${free} free`)

// Whoever comes when nothing is free waits until the first quarantine is over.
for (let left = free; left > 0; left--) window.acquire()
const lease = await window.waitForPort()
console.log(`Port ${lease.port} can be had again after ${QUARANTINE_MS} ms`)

last.rtp.close()
last.rtcp.close()
console.log(`For the firewall:\n${window.toFirewall('nftables')}`)
window.close()
