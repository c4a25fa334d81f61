import dgram from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Told } from './serve.js'

export interface Question {
  address: string
  port: number
  /** Interface that a question to a group leaves through: its address, or `::%name`. */
  multicastInterface?: string
  /** The address is a broadcast address. */
  broadcast?: boolean
  /** Milliseconds to wait for an answer. */
  patience?: number
}

/** What came back to a question. The client is node:dgram's, so that udp-dsr is not its own judge. */
export interface Answer {
  /** Source of the first answer, to a socket that takes datagrams from anywhere; undefined when none came. */
  from: string | undefined
  /** Port of that source. */
  port: number | undefined
  /** What that answer says. */
  told: Partial<Told> | undefined
  /** Whether an answer reached a connected socket, which takes datagrams only from the endpoint that it asked. */
  accepted: boolean
}

const PATIENCE_MS = 3000

/** Asks all questions at once. */
export function ask(questions: readonly Question[]): Promise<Answer[]> {
  return Promise.all(questions.map(askOne))
}

async function askOne(question: Question): Promise<Answer> {
  const [any, right] = await Promise.all([askOpenly(question), isGroup(question) ? undefined : askStrictly(question)])
  return {
    from: any?.rinfo.address,
    port: any?.rinfo.port,
    told: any && JSON.parse(any.message),
    accepted: right !== undefined,
  }
}

const isGroup = ({ multicastInterface, broadcast }: Question) => multicastInterface !== undefined || broadcast === true

const create = ({ address }: Question) => dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4')

async function askOpenly(question: Question): Promise<{ message: string; rinfo: dgram.RemoteInfo } | undefined> {
  const socket = create(question)
  socket.bind()
  await once(socket, 'listening')
  if (question.multicastInterface !== undefined) socket.setMulticastInterface(question.multicastInterface)
  if (question.broadcast) socket.setBroadcast(true)
  socket.send('?', question.port, question.address)
  return first(socket, question)
}

async function askStrictly(question: Question): Promise<{ message: string; rinfo: dgram.RemoteInfo } | undefined> {
  const socket = create(question)
  socket.connect(question.port, question.address)
  await once(socket, 'connect')
  socket.send('?')
  return first(socket, question)
}

async function first(socket: dgram.Socket, { patience = PATIENCE_MS }: Question) {
  try {
    const [message, rinfo] = await once(socket, 'message', { signal: AbortSignal.timeout(patience) })
    return { message: message.toString() as string, rinfo: rinfo as dgram.RemoteInfo }
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException
    if (name === 'AbortError' || code === 'ECONNREFUSED') return undefined
    throw error
  } finally {
    socket.close()
  }
}
