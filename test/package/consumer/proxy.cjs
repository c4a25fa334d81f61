// The PROXY codec through require().
const { ProxyProtocolError } = require('udp-dsr')
const { decode, ProxyHeaderTemplate } = require('udp-dsr/proxy')

const destination = { address: '198.51.100.2', port: 53 }
const template = new ProxyHeaderTemplate({
  version: 'v2',
  family: 'IPv4',
  transport: 'DGRAM',
  destination,
  checksum: true,
})
const bytes = Buffer.from(`${'.'.repeat(template.length)}hello`)
template.write('203.0.113.7', 53124, bytes)
const { header, payload } = decode(bytes)
bytes[16] ^= 1
try {
  decode(bytes)
} catch (error) {
  const typed = error instanceof ProxyProtocolError
  console.log(JSON.stringify({ source: header.source, payload: payload.toString(), code: error.code, typed }))
}
