import { describe } from 'vitest'
import { runChild } from './child.js'
import { same } from './stage.js'

/** Runs a command with a UDP socket bound to the loopback address as descriptor 3, as inetd and systemd do. */
const WITH_SOCKET = `
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', int(sys.argv[1])))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execvp(sys.argv[2], sys.argv[2:])
`

describe('the process', () => {
  for (const program of ['unref', 'ref', 'closed'] as const) {
    same(`${program}: is held by a socket or not`, async (stage) => {
      for (const line of await runChild(stage.side, program, 0)) stage.log('process', line)
    })
  }

  same('a connected socket sends at once, even if the process exits', async (stage) => {
    const peer = await stage.peer('peer')
    peer.on('message', (msg) => stage.log('peer', msg))
    await runChild(stage.side, 'connectedSendAndExit', peer.address().port)
    await stage.entries('peer', 1)
  })

  same('a socket that it was born with may be adopted', async (stage) => {
    const port = await stage.freePort()
    const command = ['python3', '-c', WITH_SOCKET, String(port)]
    for (const line of await runChild(stage.side, 'adopt', port, command)) stage.log('process', line)
  })
})
