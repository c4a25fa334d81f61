import { once } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { createInterface } from 'node:readline'
import { DiscoveryError, etcdFailed } from '../../errors.js'
import type { EtcdSettings } from './options.js'

/** gRPC's number for a token that is none any more. */
const UNAUTHENTICATED = 16
const INVALID_TOKEN = 'invalid auth token'

/** What etcd answers in place of a result. */
interface Refusal {
  code?: number
  message?: string
  error?: string | Refusal
}

/**
 * Calls of etcd's JSON interface (`/v3/…`), to one member of the cluster after the other: the one that answered last is asked
 * first. Keys and values are base64 there, numbers of 64 bits texts.
 */
export class EtcdClient {
  readonly #settings: EtcdSettings
  readonly #agents: { http: Agent; https: SecureAgent }
  #current = 0
  #token: Promise<string> | undefined

  constructor(settings: EtcdSettings) {
    this.#settings = settings
    this.#agents = {
      http: new Agent({ keepAlive: true, maxSockets: 8 }),
      https: new SecureAgent({ keepAlive: true, maxSockets: 8, ...settings.tls }),
    }
  }

  get endpoint(): string {
    return this.#endpoint.origin
  }

  /**
   * One question, one answer. Every endpoint is tried once.
   *
   * @param path `kv/range`
   * @throws DiscoveryError ERR_DISCOVERY_ETCD; an AbortError
   */
  async call<Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    let last: unknown
    for (let i = 0; i < this.#settings.endpoints.length; i++) {
      signal?.throwIfAborted()
      try {
        return await this.ask<Answer>(path, body, signal)
      } catch (error) {
        last = error
        signal?.throwIfAborted()
        this.next()
      }
    }
    throw last
  }

  /**
   * One question to the endpoint whose turn it is, and to no other.
   *
   * @throws DiscoveryError ERR_DISCOVERY_ETCD; an AbortError
   */
  async ask<Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    const { timeout } = this.#settings
    const endpoint = this.endpoint
    const limit = AbortSignal.timeout(timeout)
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit])
    try {
      const response = await this.#send(path, body, both)
      const answer = JSON.parse(await textOf(response)) as Answer & { error?: Refusal }
      // Calls that are streams to etcd fail like this.
      if (answer.error !== undefined) throw this.#refused(endpoint, path, answer.error)
      return answer
    } catch (error) {
      if (limit.aborted && !signal?.aborted) throw etcdFailed(endpoint, path, `no answer within ${timeout} ms`, error)
      throw signal?.aborted ? error : asFailure(error, endpoint, path)
    }
  }

  /**
   * A question with a stream of answers. It ends with `signal`, or when the connection does: then it throws.
   *
   * @throws DiscoveryError ERR_DISCOVERY_ETCD; an AbortError
   */
  async *stream<Answer>(path: string, body: object, signal: AbortSignal): AsyncGenerator<Answer, void, undefined> {
    const endpoint = this.endpoint
    const response = await this.#send(path, body, signal)
    const lines = createInterface({ input: response })
    try {
      for await (const line of lines) {
        if (line === '') continue
        const { result, error } = JSON.parse(line) as { result?: Answer; error?: Refusal }
        if (error !== undefined || result === undefined) throw this.#refused(endpoint, path, error ?? {})
        yield result
      }
    } catch (error) {
      signal.throwIfAborted()
      throw asFailure(error, endpoint, path)
    } finally {
      lines.close()
      response.destroy()
    }
    signal.throwIfAborted()
    throw etcdFailed(endpoint, path, 'the connection ended')
  }

  /** Lets another endpoint be asked from now on, with a token of its own: what failed may have been the old one. */
  next(): void {
    this.#token = undefined
    this.#current = (this.#current + 1) % this.#settings.endpoints.length
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  get #endpoint(): URL {
    return this.#settings.endpoints[this.#current]!
  }

  /** @throws also when the answer is a refusal. A token that has run out is replaced. */
  async #send(path: string, body: object, signal: AbortSignal): Promise<IncomingMessage> {
    for (let attempt = 1; ; attempt++) {
      const endpoint = this.endpoint
      const token = await this.#authenticate(signal)
      const response = await this.#request(path, body, signal, token)
      if (response.statusCode === 200) return response
      const refusal = refusalOf(await textOf(response))
      if (token !== undefined && attempt === 1 && isExpired(refusal)) {
        this.#token = undefined
        continue
      }
      throw this.#refused(endpoint, path, refusal)
    }
  }

  async #authenticate(signal: AbortSignal): Promise<string | undefined> {
    const { credentials } = this.#settings
    if (credentials === undefined) return undefined
    this.#token ??= this.#fetchToken(credentials, signal)
    try {
      return await this.#token
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }

  async #fetchToken(credentials: { name: string; password: string }, signal: AbortSignal): Promise<string> {
    const path = 'auth/authenticate'
    const endpoint = this.endpoint
    const response = await this.#request(path, credentials, signal, undefined)
    const text = await textOf(response)
    if (response.statusCode !== 200) throw this.#refused(endpoint, path, refusalOf(text))
    return (JSON.parse(text) as { token: string }).token
  }

  async #request(path: string, body: object, signal: AbortSignal, token: string | undefined): Promise<IncomingMessage> {
    const url = new URL(`/v3/${path}`, this.#endpoint)
    const bytes = Buffer.from(JSON.stringify(body))
    const headers = {
      'content-type': 'application/json',
      'content-length': bytes.length,
      ...(token !== undefined && { authorization: token }),
    }
    let made: ClientRequest | undefined
    try {
      signal.throwIfAborted()
      made =
        url.protocol === 'https:'
          ? secureRequest(url, { method: 'POST', headers, agent: this.#agents.https, signal })
          : request(url, { method: 'POST', headers, agent: this.#agents.http, signal })
      made.setNoDelay(true)
      made.end(bytes)
      const [response] = (await once(made, 'response')) as [IncomingMessage]
      return response
    } catch (error) {
      // What is said after it was given up is nobody's affair.
      made?.on('error', () => {})
      throw signal.aborted ? error : asFailure(error, url.origin, path)
    }
  }

  #refused(endpoint: string, path: string, refusal: Refusal): Error {
    return etcdFailed(endpoint, path, messageOf(refusal), refusal)
  }
}

/** What the network or the parser says, as one of ours. */
function asFailure(error: unknown, endpoint: string, path: string): Error {
  if (error instanceof DiscoveryError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return etcdFailed(endpoint, path, code ?? message, error)
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += chunk
  return text
}

function refusalOf(text: string): Refusal {
  try {
    return JSON.parse(text) as Refusal
  } catch {
    return { message: text.trim() || 'an empty answer' }
  }
}

function messageOf({ message, error }: Refusal): string {
  if (message !== undefined) return message
  return typeof error === 'string' ? error : error === undefined ? 'refused without a word' : messageOf(error)
}

function isExpired(refusal: Refusal): boolean {
  return refusal.code === UNAUTHENTICATED || messageOf(refusal).includes(INVALID_TOKEN)
}
