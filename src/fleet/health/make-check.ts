import { bad, type Check, type HealthOptions } from './check.js'
import type { Datagrams } from './checks/datagrams.js'
import { dnsQuestion } from './checks/dns.js'
import { checkHttp } from './checks/http.js'
import { stunQuestion } from './checks/stun.js'
import { checkTcp } from './checks/tcp.js'
import { udpQuestion } from './checks/udp.js'

/** The check that a pool's backends are put to. */
export function makeCheck(options: HealthOptions, datagrams: Datagrams): Check {
  const { timeout } = options
  const check = checkOf(options, datagrams)
  return async ({ address, signal }) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
    try {
      return await check({ address, signal: limit })
    } catch (error) {
      return bad(String(error))
    }
  }
}

function checkOf(options: HealthOptions, datagrams: Datagrams): Check {
  const { port } = options
  switch (options.check) {
    case 'udp': {
      const { payload, expect } = options
      return (asked) => datagrams.ask(asked, udpQuestion(port, payload, expect))
    }
    case 'stun':
      return (asked) => datagrams.ask(asked, stunQuestion(port))
    case 'dns': {
      const { name } = options
      return (asked) => datagrams.ask(asked, dnsQuestion(port, name))
    }
    case 'tcp':
      return (asked) => checkTcp(asked, port)
    case 'http': {
      const { path } = options
      return (asked) => checkHttp(asked, port, path)
    }
  }
}
