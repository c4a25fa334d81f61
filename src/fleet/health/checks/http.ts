import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type Asked, bad, GOOD, type Outcome } from '../check.js'

/** Asks by GET. Any answer of 200 to 399 will do; what it says is not read. */
export async function checkHttp({ address, signal }: Asked, port: number, path: string): Promise<Outcome> {
  const asked = request({ host: address, port, path, method: 'GET', agent: false, signal })
  try {
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const { statusCode = 0 } = response
    response.on('error', () => {})
    return statusCode >= 200 && statusCode < 400 ? GOOD : bad(`HTTP ${statusCode}`)
  } catch (error) {
    return bad(signal.aborted ? 'no answer' : ((error as NodeJS.ErrnoException).code ?? String(error)))
  } finally {
    asked.on('error', () => {})
    asked.destroy()
  }
}
