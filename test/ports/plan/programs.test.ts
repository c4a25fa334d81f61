// What `render` writes, in the programs that it is for: they take the ports that they are told to.
import { describe, expect, onTestFinished, test } from 'vitest'
import { RTCPeerConnection } from 'werift'
import { command, findCommand } from '../../../examples/netns/index.js'
import { PortPlan } from '../../../src/ports/index.js'
import { useNet } from '../../netns/kit.js'
import { allocate, startTurnserver, whyNoTurnserver } from './turn.js'

/** Ports above those that kernels give out by themselves. */
const PLAN = new PortPlan([
  { regions: ['sea'], port_start: 64000, port_end: 64023, per_node: ['sea-1', 'sea-2', 'sea-3'] },
  { regions: ['ord'], port_start: 64100, port_end: 64107 },
])
const WINDOW = [64008, 64009, 64010, 64011, 64012, 64013, 64014, 64015]

/** Runs a snippet, and returns the `configuration` that it makes. */
function run<Configuration>(snippet: string): Configuration {
  return new Function(`${snippet}return configuration`)() as Configuration
}

test('coturn relays from each port of the window, and from no other', async (context) => {
  const missing = whyNoTurnserver()
  if (missing !== undefined) context.skip(missing)
  const server = await startTurnserver(PLAN.render('coturn', 'sea-2'))
  const relayed: (number | undefined)[] = []
  for (let i = 0; i < WINDOW.length; i++) relayed.push(await allocate(server))
  expect(relayed.sort()).toEqual(WINDOW)
  expect(await allocate(server)).toBeUndefined()
})

test('werift gathers candidates on ports of the window, and none when there are no more', async () => {
  const configuration = run<{ icePortRange: [number, number] }>(PLAN.render('werift', 'sea-2'))
  const ports: number[] = []
  // More connections than the window has ports; other addresses of the host take some of them too.
  for (let i = 0; i <= WINDOW.length; i++) {
    const loopback = { iceServers: [], iceAdditionalHostAddresses: ['127.0.0.1'] }
    const peer = new RTCPeerConnection({ ...configuration, ...loopback })
    onTestFinished(() => peer.close())
    peer.createDataChannel('x')
    await peer.setLocalDescription(await peer.createOffer())
    const candidates = peer.localDescription?.sdp.matchAll(/ udp \d+ \S+ (\d+) typ host/g) ?? []
    for (const [, port] of candidates) ports.push(Number(port))
  }
  expect(ports.sort()).toEqual(WINDOW)
})

describe('node-datachannel', () => {
  /** The ports of the candidates of so many connections, in a process of its own: it may crash when it ends. */
  async function gather(snippet: string, connections: number): Promise<number[]> {
    const program = `
      import * as datachannel from 'node-datachannel'
      ${snippet}
      const ports = []
      const peers = []
      for (let i = 0; i < ${connections}; i++) {
        const peer = new datachannel.PeerConnection('peer ' + i, { ...configuration, bindAddress: '127.0.0.1' })
        peers.push(peer)
        await new Promise((resolve) => {
          peer.onLocalCandidate((candidate) => ports.push(Number(candidate.split(' ')[5])))
          peer.onGatheringStateChange((state) => state === 'complete' && resolve())
          peer.createDataChannel('x')
        })
      }
      process.stdout.write(JSON.stringify(ports), () => process.kill(process.pid, 'SIGKILL'))`
    const { stdout } = await command(process.execPath, ['--input-type=module', '--eval', program])
    return JSON.parse(stdout)
  }

  test('gathers candidates on all ports of the window, one for each connection', async () => {
    const ports = await gather(PLAN.render('node-datachannel', 'sea-2'), WINDOW.length)
    expect(ports.sort()).toEqual(WINDOW)
  })

  test('with mux, on the first port alone', async () => {
    expect(await gather(PLAN.render('node-datachannel', 'sea-2', { mux: true }), 3)).toEqual([64008, 64008, 64008])
  })
})

describe('nftables', () => {
  const net = useNet('each')
  test.beforeEach((context) => {
    if (findCommand('nft') === undefined) context.skip('needs the program nft (package nftables)')
  })

  test('lets in the node’s own ports, drops those of others, and leaves all else alone', async () => {
    const [client, host] = await net.hosts('client', 'node')
    await net.cable(client, 'eth0', host, 'eth0')
    await client.ip('address add 10.0.0.2/24 dev eth0')
    await host.ip('address add 10.0.0.1/24 dev eth0')
    // The ports that the kernel gives to sockets of this host, 32768 to 60999, are those of another.
    const plan = new PortPlan([
      { regions: ['sea'], port_start: 10000, port_end: 10999, per_node: ['mine', 'other'] },
      { nodes: ['third'], port_start: 30000, port_end: 62000 },
      { nodes: ['mine'], port_start: 62001, port_end: 62001 },
    ])
    const ruleset = plan.render('nftables', 'mine', { table: 'media' })
    const load = async (...args: string[]) => {
      const { code, stderr } = await host.namespace.run('nft', [...args, '-f', '-'], { input: ruleset })
      expect([code, stderr]).toEqual([0, ''])
    }
    const asked = [10000, 10499, 62001, 10500, 10999, 30000, 9999, 11000, 62002]
    for (const port of asked) await host.call('serve', { way: 'dgram', type: 'udp4', port })
    const answered = async () => {
      const answers = await client.call(
        'ask',
        asked.map((port) => ({ address: '10.0.0.1', port, patience: 500 })),
      )
      return asked.filter((_, i) => answers[i]?.accepted)
    }
    expect(await answered()).toEqual(asked)
    await load('--check')
    expect(await answered()).toEqual(asked)
    await load()
    await load()
    expect(await answered()).toEqual([10000, 10499, 62001, 9999, 11000, 62002])
    const { stdout } = await host.namespace.run('nft', ['list', 'tables'])
    expect(stdout).toBe('table inet media\n')
    // What the host asks for itself comes back to it, on whatever port.
    const port = await client.call('serve', { way: 'dgram', type: 'udp4' })
    const [answer] = await host.call('ask', [{ address: '10.0.0.2', port }])
    expect(answer).toMatchObject({ from: '10.0.0.2', accepted: true })
  })
})
