// A process or thread with one socket of a group: port and name are its arguments. It tells its parent when it serves.

import { parentPort } from 'node:worker_threads'
import { PktInfoSocket } from 'udp-dsr'

const [port, name] = process.argv.slice(2)
const socket = await PktInfoSocket.bind({ type: 'udp4', port: Number(port), reusePort: true, pinFlows: true })
socket.on('message', (_msg, rinfo) => socket.reply(name!, rinfo))
if (parentPort !== null) parentPort.postMessage('serves')
else process.send?.('serves')
process.once('disconnect', () => process.exit(0)) // with its parent
