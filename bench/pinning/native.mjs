import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FLOWS } from './keys.mjs'

/** bench/native/flow_pick.c with the same flows, secret and table. */
export class NativePick {
  #child
  #lines

  /**
   * @param {string} program
   * @param {import('./keys.mjs').Keys} keys
   * @param {Uint16Array} slots
   */
  constructor(program, keys, slots) {
    const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-bench-'))
    const file = join(folder, 'input')
    writeFileSync(file, inputOf(keys, slots))
    this.#child = spawn(program, [file], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.once('close', () => rmSync(folder, { recursive: true }))
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]()
  }

  /** Nanoseconds for so many flows, and the sum of the indices that were picked (mod 2³²). */
  async pick(count) {
    this.#child.stdin.write(`${count}\n`)
    const { value = '' } = await this.#lines.next()
    const [nanoseconds, sum] = value.split(' ').map(Number)
    if (!(nanoseconds >= 0 && sum >= 0)) throw new Error(`flow_pick said '${value}'`)
    return { nanoseconds, sum }
  }

  end() {
    this.#child.stdin.end()
  }
}

function inputOf({ secret, clients, ports, local, localPort }, slots) {
  const head = Buffer.alloc(16)
  secret.copy(head)
  head.writeUInt32LE(FLOWS, 8)
  head.writeUInt32LE(slots.length, 12)
  // struct flow_ipv4 of bpf/include/flow_hash.h
  const flows = Buffer.alloc(12 * FLOWS)
  for (let i = 0; i < FLOWS; i++) {
    flows.writeUInt32BE(clients[i], 12 * i)
    flows.writeUInt32BE(local, 12 * i + 4)
    flows.writeUInt16BE(ports[i], 12 * i + 8)
    flows.writeUInt16BE(localPort, 12 * i + 10)
  }
  return Buffer.concat([head, flows, Buffer.from(slots.buffer, slots.byteOffset, slots.byteLength)])
}
