// Importing works on every system; opening a socket says which ones it needs.
Object.defineProperty(process, 'platform', { value: 'darwin' })
const { PktInfoSocket } = await import('udp-dsr')
await import('udp-dsr/socket')
const { FlowPinner } = await import('udp-dsr/pinning')
new FlowPinner({ backends: [{ id: 'a' }], affinity: 'client-ip', secret: '0011223344556677' })
const { decode } = await import('udp-dsr/proxy')
decode(Buffer.from('PROXY UNKNOWN\r\n'))
try {
  await PktInfoSocket.bind({ type: 'udp4', port: 0 })
  console.log(JSON.stringify({ code: 'no error' }))
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }))
}
