// Gives interfaces an XDP program that lets everything pass: a veth hands packets that the other end sends with XDP_TX on
// only when it has a program itself.

import { attachXdp, type BpfLink, BpfProgram, interfaceByName } from 'udp-dsr/bpf'
import { play } from './actor.js'

/** Numbers of linux/bpf.h. */
const BPF_PROG_TYPE_XDP = 6
const BPF_XDP = 37

/** `r0 = XDP_PASS; exit` as `struct bpf_insn`s. */
const PASS = Buffer.from('b700000002000000' + '9500000000000000', 'hex')

const links: BpfLink[] = []

const part = {
  attach(names: string[]): void {
    using program = BpfProgram.load('pass', BPF_PROG_TYPE_XDP, BPF_XDP, PASS)
    for (const name of names) {
      links.push(attachXdp({ program, interface: interfaceByName(name), mode: 'native' }).link)
    }
  },
}

export type PassPart = typeof part
play(part)
