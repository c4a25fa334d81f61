import http from 'node:http'
import https from 'node:https'
import { createSecureContext } from 'node:tls'
import { checkInteger, checkProperties, checkString } from '../../../errors/checks.js'
import { invalidArgType, invalidArgValue, outOfRange } from '../../../errors.js'
import { type CheckOutcome, type CheckTarget, failed, GIVEN_UP, type HealthCheck, outcomeOf, PASSED } from '../check.js'
import type { HttpCheckOptions, HttpTlsOptions } from '../options.js'
import { afterArrivals, timeUp } from './deadline.js'
import type { CheckMeans } from './means.js'

const TLS = ['ca', 'verify'] as const satisfies readonly (keyof HttpTlsOptions)[]
const LOWEST_STATUS = 100
const HIGHEST_STATUS = 599
const GOOD_STATUS = [200, 399] as const

/**
 * A request, and a response with a good status.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function httpCheck(
  path: string,
  options: HttpCheckOptions,
  port: number,
  { turnstile }: CheckMeans,
): HealthCheck {
  const [lowest, highest] = readStatus(`options.${path}.status`, options.status)
  const request = requestOptions(path, options, port)
  const module = options.tls ? https : http
  const judge = (status: number) => (status >= lowest && status <= highest ? PASSED : failed(`HTTP status ${status}`))
  return {
    async run(target) {
      if (!(await turnstile.enter(target.signal))) return GIVEN_UP
      try {
        return await ask(() => module.request({ ...request, hostname: target.address }), target, judge)
      } finally {
        turnstile.leave()
      }
    },
  }
}

function ask(
  start: () => http.ClientRequest,
  { timeout, signal }: CheckTarget,
  judge: (status: number) => CheckOutcome,
): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const request = start()
    const settle = (outcome: CheckOutcome) => {
      cancelTimer()
      signal.removeEventListener('abort', giveUp)
      request.destroy()
      resolve(outcome)
    }
    const giveUp = () => settle(GIVEN_UP)
    const cancelTimer = afterArrivals(timeout, (late) => settle(timeUp(timeout, late)))
    signal.addEventListener('abort', giveUp)
    request.on('socket', (socket) => socket.unref())
    request.on('response', ({ statusCode = 0 }) => settle(judge(statusCode)))
    request.on('error', (error: NodeJS.ErrnoException) => {
      // Without an errno it is what the parsers of HTTP and TLS say about bytes and certificates that the backend sent.
      settle(error.errno === undefined ? failed(`${error.code}: ${error.message}`) : outcomeOf(error))
    })
    request.end()
  })
}

function requestOptions(path: string, options: HttpCheckOptions, port: number): https.RequestOptions {
  const name = (option: string) => `options.${path}.${option}`
  const { path: target = '/', host, method = 'GET' } = options
  checkString(name('path'), target)
  if (!/^\/[!-~]*$/.test(target)) throw invalidArgValue(name('path'), 'must begin with / and have no spaces', target)
  if (host !== undefined) {
    checkString(name('host'), host)
    if (!/^[\w.:[\]-]+$/.test(host)) throw invalidArgValue(name('host'), 'must be a host name', host)
  }
  if (method !== 'GET' && method !== 'HEAD') throw invalidArgValue(name('method'), "must be 'GET' or 'HEAD'", method)
  const headers = { connection: 'close', 'user-agent': 'udp-dsr', ...(host === undefined ? {} : { host }) }
  return { port, path: target, method, headers, agent: false, ...tlsOptions(path, options) }
}

function tlsOptions(path: string, { tls = false, host }: HttpCheckOptions): https.RequestOptions {
  if (tls === false) return {}
  if (tls !== true) checkProperties(`${path}.tls`, tls, TLS)
  const { ca, verify = true } = tls === true ? ({} as HttpTlsOptions) : tls
  if (ca !== undefined) checkAuthorities(`options.${path}.tls.ca`, ca)
  if (typeof verify !== 'boolean') throw invalidArgType(`options.${path}.tls.verify`, 'of type boolean', verify)
  const servername = host?.replace(/:\d+$/, '')
  return {
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
  }
}

function checkAuthorities(name: string, ca: unknown): void {
  checkString(name, ca)
  try {
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('there is none')
    createSecureContext({ ca })
  } catch {
    throw invalidArgValue(name, 'must be certificates in PEM', ca)
  }
}

function readStatus(name: string, status: readonly [number, number] = GOOD_STATUS): readonly [number, number] {
  if (!Array.isArray(status) || status.length !== 2)
    throw invalidArgType(name, 'an array of two, [lowest, highest]', status)
  checkInteger(`${name}[0]`, status[0], LOWEST_STATUS, HIGHEST_STATUS)
  checkInteger(`${name}[1]`, status[1], LOWEST_STATUS, HIGHEST_STATUS)
  if (status[0] > status[1]) throw outOfRange(name, 'lowest <= highest', status)
  return status as unknown as readonly [number, number]
}
