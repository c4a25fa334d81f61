// The flow pinner as an ES module: who has a flow, and who has it when that one is gone.
import { FlowPinner } from 'udp-dsr/pinning'

const backends = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
const pinner = new FlowPinner({ backends, affinity: 'client-ip', secret: '0011223344556677' })
const flow = { client: { address: '203.0.113.7', port: 53124 } }
const { id } = pinner.pick(flow)
const { digest } = pinner.table
pinner.update(backends.filter((backend) => backend.id !== id))
const { previous, backend } = pinner.explain(flow)
console.log(JSON.stringify({ digest, id, previous, moved: backend.id !== id }))
