// The backend of the benchmark: a socket that counts.

import { readFileSync } from 'node:fs'
import { play } from '../../examples/netns/actor.js'
import { attachXdp, type BpfLink, BpfProgram, interfaceByName } from '../../src/bpf/index.js'
import { PktInfoSocket } from '../../src/index.js'
import { BPF_PROG_TYPE_XDP, BPF_XDP } from '../../src/internal/linux.js'

/** `struct bpf_insn`s: `r0 = XDP_PASS; exit`. */
const PASS = Buffer.from('b7000000020000009500000000000000', 'hex')
/** XDP_DROP for all but ARP, without which nobody would know where to send to. */
const DROP = Buffer.from(
  [
    '6112000000000000', // r2 = data
    '6113040000000000', // r3 = data_end
    'b700000002000000', // r0 = XDP_PASS
    'bf24000000000000', // r4 = r2
    '070400000e000000', // r4 += the Ethernet header
    '2d34030000000000', // if r4 > r3: exit
    '69250c0000000000', // r5 = its type
    '1505010008060000', // if it is ARP: exit
    'b700000001000000', // r0 = XDP_DROP
    '9500000000000000', // exit
  ].join(''),
  'hex',
)

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
  /** Frames that came to the interface, whatever became of them. */
  arrived(): number {
    return Number(readFileSync('/sys/class/net/eth0/statistics/rx_packets', 'ascii'))
  },
  received(): number {
    return socket!.stats().received
  },
}

export type BackendPart = typeof part
play(part)
