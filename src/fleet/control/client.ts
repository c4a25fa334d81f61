import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { controlAway, controlRefused } from '../../errors.js'

const NOBODY = new Set(['ENOENT', 'ECONNREFUSED'])

/**
 * Asks a running edge.
 *
 * @throws ControlError ERR_CONTROL_AWAY when none runs there, ERR_CONTROL_REFUSED with what it said, or what the system did
 */
export async function askEdge<Answer>(path: string, call: string, body: object = {}): Promise<Answer> {
  const asked = request({ socketPath: path, path: `/${call}`, method: 'POST', agent: false })
  asked.end(JSON.stringify(body))
  let response: IncomingMessage
  try {
    ;[response] = (await once(asked, 'response')) as [IncomingMessage]
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (NOBODY.has(code)) throw controlAway(path)
    throw controlRefused(path, code, error)
  }
  let text = ''
  for await (const chunk of response) text += chunk
  const answer = JSON.parse(text) as Answer & { code?: string; message?: string }
  if (response.statusCode !== 200) throw controlRefused(path, answer.message ?? 'no reason', undefined, answer.code)
  return answer
}
