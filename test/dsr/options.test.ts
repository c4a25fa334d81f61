import { checkHost, type HostOptions, type ProbeOptions, probe, replyFixes } from 'udp-dsr/dsr'
import { describe, expect, test } from 'vitest'

const host = { role: 'backend', vips: ['198.51.100.2'] }
const asked = { vip: '198.51.100.2', port: 53 }
const target = { vip: '198.51.100.2', port: 53, local: '10.0.0.7', interface: 'eth0' }

describe('what is wrong is refused before anything is looked at', () => {
  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{ ...host, role: undefined }, 'ERR_MISSING_ARGS'],
    [{ ...host, role: 'server' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...host, vips: '198.51.100.2' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ...host, vips: ['198.51.100'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...host, vips: ['224.0.0.1'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...host, delivery: 'geneve' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...host, ports: [0] }, 'ERR_SOCKET_BAD_PORT'],
    [{ ...host, mtu: 12 }, 'ERR_OUT_OF_RANGE'],
    [{ ...host, clientMtu: 1500.5 }, 'ERR_OUT_OF_RANGE'],
    [{ ...host, watch: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ ...host, backend: ['10.0.0.7'] }, 'ERR_UNKNOWN_OPTION'],
    [{ ...host, interface: 'no-such-device' }, 'ERR_BPF_INTERFACE'],
  ])('checkHost(%j)', async (options, code) => {
    await expect(checkHost(options as HostOptions)).rejects.toMatchObject({ code })
  })

  test.each([
    [{ ...asked, vip: undefined }, 'ERR_MISSING_ARGS'],
    [{ ...asked, vip: 'example.com' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...asked, port: 70_000 }, 'ERR_SOCKET_BAD_PORT'],
    [{ ...asked, from: '::1' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...asked, timeout: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ ...asked, sizes: [] }, 'ERR_OUT_OF_RANGE'],
    [{ ...asked, sizes: [70_000] }, 'ERR_OUT_OF_RANGE'],
    [{ ...asked, payload: 'x', sizes: [1] }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...asked, payload: 7 }, 'ERR_INVALID_ARG_TYPE'],
    [{ ...asked, expect: /x/ }, 'ERR_INVALID_ARG_TYPE'],
    [{ ...asked, timeoutMs: 5 }, 'ERR_UNKNOWN_OPTION'],
  ])('probe(%j)', async (options, code) => {
    await expect(probe(options as ProbeOptions)).rejects.toMatchObject({ code })
  })

  test.each([
    [{ ...target, local: 'fd00::7' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...target, interface: 'eth0; reboot' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...target, port: 0 }, 'ERR_SOCKET_BAD_PORT'],
    [{ ...target, address: '10.0.0.7' }, 'ERR_UNKNOWN_OPTION'],
  ])('replyFixes.nft.commands(%j)', (options, code) => {
    expect(() => replyFixes.nft.commands(options)).toThrow(expect.objectContaining({ code }))
  })
})
