import { readText } from './files.js'

/** Counters of lost datagrams, of this network namespace. */
export type Counters = Record<'udpBuffer' | 'udp6Buffer' | 'checksum' | 'checksum6' | 'reversePath', number>

/** /proc/net/snmp, snmp6 and netstat; what a kernel does not count is 0. */
export function readCounters(): Counters {
  const four = table(readText('/proc/net/snmp') ?? '', 'Udp')
  const extended = table(readText('/proc/net/netstat') ?? '', 'TcpExt')
  const six = new Map(
    (readText('/proc/net/snmp6') ?? '').split('\n').map((line) => line.split(/\s+/) as [string, string]),
  )
  return {
    udpBuffer: Number(four.get('RcvbufErrors') ?? 0),
    udp6Buffer: Number(six.get('Udp6RcvbufErrors') ?? 0),
    checksum: Number(four.get('InCsumErrors') ?? 0),
    checksum6: Number(six.get('Udp6InCsumErrors') ?? 0),
    reversePath: Number(extended.get('IPReversePathFilter') ?? 0),
  }
}

/** Two lines for each protocol: names, then values. */
function table(text: string, protocol: string): Map<string, string> {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(' '))
  return new Map(names.map((name, i) => [name, values[i] ?? '0']))
}
