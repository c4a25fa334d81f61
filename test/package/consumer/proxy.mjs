// The PROXY codec as an ES module: a header there and back.
import { ProxyProtocolError } from 'udp-dsr'
import { decode, encode, ProxyProtocolError as Same } from 'udp-dsr/proxy'

const source = { address: '203.0.113.7', port: 53124 }
const destination = { address: '198.51.100.2', port: 53 }
const bytes = encode({ version: 'v2', family: 'IPv4', transport: 'DGRAM', source, destination }, { checksum: true })
const { header, payload } = decode(Buffer.concat([bytes, Buffer.from('hello')]))
bytes[16] ^= 1
try {
  decode(bytes)
} catch (error) {
  const typed = error instanceof ProxyProtocolError && error instanceof Same
  console.log(JSON.stringify({ source: header.source, payload: payload.toString(), code: error.code, typed }))
}
