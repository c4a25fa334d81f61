import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import {
  type Decoded,
  decode,
  encode,
  makeTlvs,
  type ProxyHeader,
  ProxyHeaderView,
  ProxyProtocolError,
  readTlvs,
} from 'udp-dsr/proxy'

/** Longest that one input may take; the longest take some milliseconds. */
const LIMIT_MS = 200
/** How often a slow input is tried again: other programs may have had the processor. */
const ATTEMPTS = 5

const strict = new ProxyHeaderView()
const lax = new ProxyHeaderView({ verifyChecksum: false })
const MARGIN = 64

/**
 * Holds the codec to what it promises for any input; throws when it breaks a promise.
 *
 * @returns what became of the input, in few words
 */
export function check(input: Uint8Array): string {
  let outcome = ''
  for (let attempt = 1; ; attempt++) {
    const start = performance.now()
    outcome = [true, false].map((verify) => checkOnce(input, verify)).join(' ')
    const took = performance.now() - start
    if (took < LIMIT_MS) return outcome
    if (attempt === ATTEMPTS) throw new Error(`${input.length} bytes took ${took} ms, ${ATTEMPTS} times`)
  }
}

function checkOnce(input: Uint8Array, verifyChecksum: boolean): string {
  const view = verifyChecksum ? strict : lax
  const alone = attempt(() => decode(input, { verifyChecksum }))
  for (const poison of [0x00, 0xff]) {
    const larger = Buffer.alloc(input.length + 2 * MARGIN, poison)
    larger.set(input, MARGIN)
    const end = MARGIN + input.length
    const seen = attempt(() => view.read(larger, MARGIN, end))
    if (alone instanceof ProxyProtocolError || seen instanceof ProxyProtocolError) {
      // The same error, whatever lies around.
      equal(String(seen), String(alone))
      equal(view.length, 0)
    } else {
      equal(view.length, alone.length)
      deepStrictEqual(view.toHeader(), alone.header)
      sameGetters(view, alone.header)
    }
  }
  if (alone instanceof ProxyProtocolError) return alone.code.slice('ERR_PROXY_'.length)
  return checkDecoded(input, alone)
}

/** What the function gives, or the ProxyProtocolError that it throws. */
function attempt<Result>(act: () => Result): Result | ProxyProtocolError {
  try {
    return act()
  } catch (error) {
    if (error instanceof ProxyProtocolError) return error
    throw error
  }
}

function sameGetters(view: ProxyHeaderView, header: ProxyHeader): void {
  const { version, command, family, transport } = view
  deepStrictEqual(
    { version, command, family, transport },
    { version: header.version, command: header.command, family: header.family, transport: header.transport },
  )
  deepStrictEqual(view.tlvs, header.tlvs)
  if (header.family !== 'IPv4' && header.family !== 'IPv6') {
    equal(view.sourceAddress, undefined)
    equal(view.destinationPort, undefined)
    return
  }
  deepStrictEqual({ address: view.sourceAddress, port: view.sourcePort }, header.source)
  deepStrictEqual({ address: view.destinationAddress, port: view.destinationPort }, header.destination)
}

function checkDecoded(input: Uint8Array, { header, length, payload }: Decoded): string {
  ok(length > 0 && length <= input.length)
  equal(payload.length, input.length - length)
  const again = encode(header)
  if (header.version !== 'v1' && header.family !== 'UNSPEC') ok(again.equals(input.subarray(0, length)))
  deepStrictEqual(decode(again, { verifyChecksum: false }).header, header)
  // A proper prefix is incomplete. The last byte, and one somewhere before it.
  for (const end of [length - 1, (length * 7) >> 3]) {
    const cut = attempt(() => decode(input.subarray(0, end)))
    ok(cut instanceof ProxyProtocolError && cut.code === 'ERR_PROXY_INCOMPLETE', `cut at ${end}`)
  }
  const values = attempt(() => readTlvs(header.tlvs))
  const typed = values instanceof ProxyProtocolError ? ['malformed'] : Object.keys(values)
  if (!(values instanceof ProxyProtocolError)) deepStrictEqual(readTlvs(makeTlvs(values)), values)
  const { version, command, family, transport, tlvs } = header
  return [version, command, family, transport, `${Math.min(tlvs.length, 4)} TLVs`, ...typed].join('/')
}
