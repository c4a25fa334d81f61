import { randomBytes } from 'node:crypto'
import { failed, type HealthCheck, PASSED } from '../check.js'
import type { CheckMeans } from './means.js'
import { bindingRequest, readResponse, TRANSACTION_BYTES } from './stun-message.js'

/** A Binding request, and the success response with its transaction ID: 96 random bits (RFC 8489 §5). */
export function stunCheck(port: number, { probes }: CheckMeans): HealthCheck {
  return {
    run(target) {
      const transaction = randomBytes(TRANSACTION_BYTES)
      return probes.ask({
        ...target,
        port,
        payload: bindingRequest(transaction),
        judge(answer) {
          const response = readResponse(answer, transaction)
          if (response === 'unrelated') return undefined
          return response === 'success' ? PASSED : failed(`STUN error ${response.error}`)
        },
      })
    },
  }
}
