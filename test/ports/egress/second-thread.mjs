// Wants a 4-tuple that another thread has, and says what it was told.
import { parentPort, workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
const { connectUdp } = await import('../../../src/ports/index.ts')
try {
  connectUdp(workerData)
  parentPort.postMessage('it was let in')
} catch (error) {
  parentPort.postMessage(error.code)
}
