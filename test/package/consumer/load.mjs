// Loads the addon and opens a socket, without any traffic.
import { PktInfoSocket } from 'udp-dsr'

const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ arch: process.arch, address: socket.address().address }))
socket.close()
