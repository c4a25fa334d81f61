// The backend of the benchmark: a socket that counts.

import { play } from '../../examples/netns/actor.js'
import { attachXdp, type BpfLink, BpfProgram, interfaceByName } from '../../src/bpf/index.js'
import { PktInfoSocket } from '../../src/index.js'
import { BPF_PROG_TYPE_XDP, BPF_XDP } from '../../src/internal/linux.js'

/** `r0 = XDP_PASS; exit` and `r0 = XDP_DROP; exit` as `struct bpf_insn`s. */
const PASS = Buffer.from('b7000000020000009500000000000000', 'hex')
const DROP = Buffer.from('b7000000010000009500000000000000', 'hex')

let socket: PktInfoSocket | undefined
let link: BpfLink | undefined

const part = {
  async listen(port: number): Promise<void> {
    socket = await PktInfoSocket.bind({ type: 'udp4', port, recvBufferSize: 4 << 20 })
    socket.on('batch', () => {})
  },
  /** What becomes of packets behind the wire: they go to the socket, or nowhere. */
  receive(how: 'socket' | 'drop'): void {
    link?.close()
    using program = BpfProgram.load(how, BPF_PROG_TYPE_XDP, BPF_XDP, how === 'socket' ? PASS : DROP)
    link = attachXdp({ program, interface: interfaceByName('eth0'), mode: 'native' }).link
  },
  received(): number {
    return socket!.stats().received
  },
}

export type BackendPart = typeof part
play(part)
