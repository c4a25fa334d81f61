import { HealthMonitor, type PoolHealthOptions } from 'udp-dsr/fleet'
import { expect, test } from 'vitest'

const refused = (options: object) => {
  try {
    void new HealthMonitor({ pools: { dns: options as PoolHealthOptions } }).close()
  } catch (error) {
    return error as Error & { code: string }
  }
  throw new Error('it was taken')
}

const tcp = { check: 'tcp', port: 53 }
const udp = { check: 'udp', port: 53 }

test.each<[object, string, string]>([
  [{ check: 'icmp' }, 'ERR_INVALID_ARG_VALUE', 'options.pools.dns.check'],
  [{ check: {} }, 'ERR_INVALID_ARG_VALUE', 'or an object with a method run'],
  [{ check: 'tcp' }, 'ERR_MISSING_ARGS', 'options.pools.dns.port'],
  [{ check: 'tcp', port: 0 }, 'ERR_SOCKET_BAD_PORT', 'options.pools.dns.port'],
  [{ ...tcp, intervall: 5 }, 'ERR_UNKNOWN_OPTION', 'Did you mean "pools.dns.interval"?'],
  [{ ...tcp, payload: '00' }, 'ERR_UNKNOWN_OPTION', 'pools.dns.payload'],
  [{ ...tcp, interval: 9 }, 'ERR_OUT_OF_RANGE', '>= 10 && <= 3600000'],
  [{ ...tcp, interval: 1000, timeout: 1000 }, 'ERR_OUT_OF_RANGE', 'less than the interval of 1000 ms'],
  [{ ...tcp, interval: 1000, fastInterval: 1001 }, 'ERR_OUT_OF_RANGE', 'fastInterval'],
  [{ ...tcp, rise: 0 }, 'ERR_OUT_OF_RANGE', 'rise'],
  [{ ...tcp, fall: 1.5 }, 'ERR_OUT_OF_RANGE', 'fall'],
  [{ ...tcp, initial: 'pending' }, 'ERR_INVALID_ARG_VALUE', "'up' or 'down'"],
  [{ ...tcp, floor: 1.01 }, 'ERR_OUT_OF_RANGE', '>= 0 && <= 1'],
  [{ ...tcp, floor: Number.NaN }, 'ERR_OUT_OF_RANGE', 'floor'],
  [{ ...tcp, floor: '50%' }, 'ERR_INVALID_ARG_TYPE', 'floor'],
  [{ ...tcp, flaps: { fall: 3 } }, 'ERR_UNKNOWN_OPTION', 'Did you mean "pools.dns.flaps.falls"?'],
  [{ ...tcp, flaps: { hold: 1000, longest: 999 } }, 'ERR_OUT_OF_RANGE', 'pools.dns.flaps.longest'],
  [{ ...tcp, reports: { count: 0 } }, 'ERR_OUT_OF_RANGE', 'pools.dns.reports.count'],
  [{ initial: 'down' }, 'ERR_INVALID_ARG_VALUE', 'needs a check'],
  [{ flaps: false }, 'ERR_INVALID_ARG_VALUE', 'needs a check'],
  [{ ...udp, payload: 'xyz' }, 'ERR_INVALID_ARG_VALUE', 'hexadecimal'],
  [{ ...udp, payload: 'abc' }, 'ERR_INVALID_ARG_VALUE', 'hexadecimal'],
  [{ ...udp, payload: 7 }, 'ERR_INVALID_ARG_TYPE', 'payload'],
  [{ ...udp, payload: new Uint8Array(1201) }, 'ERR_OUT_OF_RANGE', '1200 bytes'],
  [{ ...udp, expect: '00', mask: '0000' }, 'ERR_INVALID_ARG_VALUE', 'as many bytes as expect, 1'],
  [{ ...udp, mask: '00' }, 'ERR_INVALID_ARG_VALUE', 'as many bytes as expect, 0'],
  [{ check: 'dns' }, 'ERR_MISSING_ARGS', 'options.pools.dns.name'],
  [{ check: 'dns', name: 'bücher.test' }, 'ERR_INVALID_ARG_VALUE', 'in ASCII'],
  [{ check: 'dns', name: 'a..b' }, 'ERR_INVALID_ARG_VALUE', 'DNS name'],
  [{ check: 'dns', name: `${'a'.repeat(64)}.test` }, 'ERR_INVALID_ARG_VALUE', '63 characters'],
  [{ check: 'dns', name: 'a.test', type: 'toString' }, 'ERR_INVALID_ARG_VALUE', 'A, NS'],
  [{ check: 'dns', name: 'a.test', type: 65_536 }, 'ERR_OUT_OF_RANGE', 'type'],
  [{ check: 'dns', name: 'a.test', codes: [] }, 'ERR_INVALID_ARG_VALUE', 'codes'],
  [{ check: 'dns', name: 'a.test', codes: ['OK'] }, 'ERR_INVALID_ARG_VALUE', 'codes[0]'],
  [{ check: 'http', path: 'healthz' }, 'ERR_INVALID_ARG_VALUE', 'begin with /'],
  [{ check: 'http', path: '/a b' }, 'ERR_INVALID_ARG_VALUE', 'no spaces'],
  [{ check: 'http', host: 'a\r\nb: c' }, 'ERR_INVALID_ARG_VALUE', 'host'],
  [{ check: 'http', method: 'POST' }, 'ERR_INVALID_ARG_VALUE', "'GET' or 'HEAD'"],
  [{ check: 'http', status: [300, 200] }, 'ERR_OUT_OF_RANGE', 'lowest <= highest'],
  [{ check: 'http', status: 200 }, 'ERR_INVALID_ARG_TYPE', '[lowest, highest]'],
  [{ check: 'http', tls: { verfy: false } }, 'ERR_UNKNOWN_OPTION', 'Did you mean "pools.dns.tls.verify"?'],
  [{ check: 'http', tls: { ca: '/etc/ssl/ca.pem' } }, 'ERR_INVALID_ARG_VALUE', 'certificates in PEM'],
])('%j is refused: %s, %s', (options, code, part) => {
  const error = refused(options)
  expect(error.message).toContain(part)
  expect(error.code).toBe(code)
})

test('options of the monitor', () => {
  expect(() => new HealthMonitor({ pool: {} } as object)).toThrow('Did you mean "pools"?')
  expect(() => new HealthMonitor({ pools: [] as never })).toThrow(/by the names of pools/)
  expect(() => new HealthMonitor({ pools: { dns: null as never } })).toThrow('options.pools.dns')
  expect(() => new HealthMonitor({ connections: 0 })).toThrow('>= 1 && <= 65535')
  expect(() => new HealthMonitor({ signal: AbortSignal.abort(new Error('not now')) })).toThrow('not now')
})

test('undefined stands for the default', async () => {
  await using monitor = new HealthMonitor({
    pools: {
      dns: {
        ...{ check: 'tcp', port: 53, interval: undefined, floor: undefined, initial: undefined },
        ...{ flaps: { falls: undefined }, reports: { window: undefined } },
      },
    },
  })
  expect(monitor.update([{ pool: 'dns', id: 'a', address: '127.0.0.1' }]).added).toHaveLength(1)
})
