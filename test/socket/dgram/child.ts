import { spawn } from 'node:child_process'
import cluster from 'node:cluster'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createSocket } from 'udp-dsr'
import type { Side } from './stage.js'

const [, entry, side, name, argument = ''] = process.argv
const self = fileURLToPath(import.meta.url)

/** Programs that show what an exit, a cluster or an inherited descriptor does; they print lines. */
const programs = {
  sendAndExit() {
    const socket = open()
    socket.bind(0, '127.0.0.1', () => {
      socket.send('last words', Number(argument), '127.0.0.1')
      process.exit()
    })
  },

  connectedSendAndExit() {
    const socket = open()
    socket.connect(Number(argument), '127.0.0.1', () => {
      socket.send('last words')
      process.exit()
    })
  },

  /** Ends by itself only if an unreferenced socket does not hold it. */
  unref() {
    open().bind(0, '127.0.0.1').unref()
    open().unref().bind(0, '127.0.0.1')
    const socket = open().bind(0, '127.0.0.1', () => socket.unref())
    setTimeout(() => print('held'), 100).unref()
    process.on('exit', () => print('exit'))
  },

  ref() {
    const socket = open().unref().bind(0, '127.0.0.1').ref()
    setTimeout(() => {
      print('held')
      socket.close()
    }, 100).unref()
    process.on('exit', () => print('exit'))
  },

  /** A closed socket holds nothing. */
  closed() {
    const socket = open().bind(0, '127.0.0.1', () => socket.close())
    process.on('exit', () => print('exit'))
  },

  cluster() {
    if (cluster.isWorker) {
      const socket = open()
      socket.on('error', (error: NodeJS.ErrnoException) => process.send?.(error.code))
      socket.bind(Number(process.env.PORT), '127.0.0.1', () => process.send?.('bound'))
      return
    }
    startWorkers()
  },

  /** Descriptor 3 is a UDP socket that the parent has bound. */
  adopt() {
    for (const type of ['udp4', 'udp6'] as const) {
      for (const fd of [9999, 1]) {
        const none = open(type)
        try {
          none.bind({ fd })
        } catch (error) {
          print(`${type} ${fd} ${(error as NodeJS.ErrnoException).code}`)
        }
      }
    }
    const socket = open()
    socket.on('listening', () => print('listening'))
    socket.on('error', (error) => print(error.message))
    print(String(socket.bind({ fd: 3 }, () => print('callback')) === socket))
    const { address, port } = socket.address()
    print(`${address} ${port === Number(argument)}`)
    socket.on('message', (msg) => {
      print(String(msg))
      socket.close(() => print('closed'))
    })
    const peer = dgram.createSocket('udp4')
    peer.send('hello', port, '127.0.0.1', () => peer.close())
  },
}

export type Program = keyof typeof programs

function open(type: dgram.SocketType = 'udp4'): dgram.Socket {
  return side === 'dgram' ? dgram.createSocket(type) : createSocket(type)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function startWorkers(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const worker = cluster.fork({ PORT: argument })
    const [line] = await once(worker, 'message')
    print(line)
  }
  for (const worker of Object.values(cluster.workers ?? {})) worker?.kill()
}

/** Runs a program of this file in a process of its own; returns the lines that it printed. */
export async function runChild(
  side: Side,
  program: Program,
  argument: number,
  command: string[] = [],
): Promise<string[]> {
  const node = [process.execPath, '--import', 'tsx', self, side, program, String(argument)]
  const [file = '', ...args] = [...command, ...node]
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${signal ?? code}: ${output}`)
  return output.split('\n').filter((line) => line !== '')
}

if (entry === self) programs[name as Program]()
