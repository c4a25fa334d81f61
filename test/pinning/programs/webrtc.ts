import { setTimeout as sleep } from 'node:timers/promises'
import * as datachannel from 'node-datachannel'
import { onTestFinished } from 'vitest'

/**
 * Milliseconds that a session has until it stands, and a message until it comes. Checks go out every 4 to 6 seconds
 * (RFC 7675 §5.1), and SCTP sends again after up to as many.
 */
const PATIENCE_MS = 20_000
const LOOPBACK = { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true }

/** A node that has WebRTC sessions on one UDP port, each with a fragment that it was told. */
export interface MediaNode {
  name: string
  port: number
}

export interface Session {
  /** Asks the node who it is, over the data channel: DTLS. */
  ask(): Promise<string>
  /** Sends RTP packets, as SRTP, until one has come; returns the name of the node that it came to. */
  sendMedia(): Promise<string>
}

/**
 * A client's session with a node, whose only address it is told is that of a relay; the node is told none of the client.
 * Ended with the test.
 *
 * @param ufrag that the node uses
 * @param patience milliseconds until the session must stand
 */
export async function startSession(
  node: MediaNode,
  ufrag: string,
  relayPort: number,
  patience: number = PATIENCE_MS,
): Promise<Session> {
  const client = new datachannel.PeerConnection('client', LOOPBACK)
  const server = new datachannel.PeerConnection(node.name, {
    ...LOOPBACK,
    enableIceUdpMux: true,
    portRangeBegin: node.port,
    portRangeEnd: node.port,
  })
  onTestFinished(() => {
    client.close()
    server.close()
  })
  const media: string[] = []
  server.onDataChannel((channel) => channel.onMessage(() => channel.sendMessage(node.name)))
  // Kept: what nothing refers to any more is collected, and closed.
  const tracks: datachannel.Track[] = []
  server.onTrack((track) => {
    tracks.push(track)
    track.onMessage(() => media.push(node.name))
  })

  const audio = new datachannel.Audio('audio', 'SendOnly')
  audio.addOpusCodec(PAYLOAD_TYPE)
  audio.addSSRC(SSRC, 'test')
  const track = client.addTrack(audio)
  const channel = client.createDataChannel('who')
  const opened = Promise.all([
    new Promise<void>((resolve) => channel.onOpen(resolve)),
    new Promise<void>((resolve) => track.onOpen(resolve)),
  ])
  const answers: string[] = []
  channel.onMessage((text) => answers.push(String(text)))

  const offer = await description(client, () => client.setLocalDescription('offer'))
  server.setRemoteDescription(withoutCandidates(offer), 'offer')
  const password = 'p'.repeat(24)
  const answer = await description(server, () =>
    server.setLocalDescription('answer', { iceUfrag: ufrag, icePwd: password }),
  )
  client.setRemoteDescription(withoutCandidates(answer), 'answer')
  client.addRemoteCandidate(`candidate:1 1 UDP 2114977791 127.0.0.1 ${relayPort} typ host`, mid(answer))
  await within(opened, `a session with ${node.name}`, patience)

  return {
    async ask() {
      const before = answers.length
      channel.sendMessage('who?')
      return until(() => answers[before], 'an answer')
    },
    async sendMedia() {
      const before = media.length
      return until(() => {
        track.sendMessageBinary(rtp())
        return media[before]
      }, 'media')
    },
  }
}

/** Ends what node-datachannel has running, when all sessions are closed. */
export function endWebrtc(): void {
  datachannel.cleanup()
}

const PAYLOAD_TYPE = 111
const SSRC = 4242
let sequence = 0

/** An RTP packet (RFC 3550 §5.1) with a little payload. */
function rtp(): Buffer {
  const packet = Buffer.alloc(12 + 20, 0xaa)
  sequence = (sequence + 1) & 0xffff
  packet.writeUInt16BE(0x8000 | PAYLOAD_TYPE, 0)
  packet.writeUInt16BE(sequence, 2)
  packet.writeUInt32BE(sequence * 960, 4)
  packet.writeUInt32BE(SSRC, 8)
  return packet
}

function description(peer: datachannel.PeerConnection, make: () => void): Promise<string> {
  const made = new Promise<string>((resolve) => peer.onLocalDescription((sdp) => resolve(sdp)))
  make()
  return within(made, 'a description')
}

function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '')
}

function mid(sdp: string): string {
  return /^a=mid:(.*)$/m.exec(sdp)?.[1]?.trim() ?? '0'
}

async function within<Value>(promise: Promise<Value>, what: string, patience = PATIENCE_MS): Promise<Value> {
  const late = sleep(patience, undefined, { ref: false }).then(() => {
    throw new Error(`${what} did not come within ${patience} ms`)
  })
  return Promise.race([promise, late])
}

async function until<Value>(look: () => Value | undefined, what: string): Promise<Value> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(20)) {
    const value = look()
    if (value !== undefined) return value
  }
  throw new Error(`${what} did not come within ${PATIENCE_MS} ms`)
}
