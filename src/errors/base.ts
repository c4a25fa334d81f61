/** Base of every failure that is not a wrong argument. `code` is literal and stable; see docs/errors.md. */
export abstract class UdpDsrError extends Error {
  abstract readonly code: string
}
