import { readFileSync } from 'node:fs'
import type { DecodeOptions, ProxyHeader, ProxyProtocolError, ProxyTlvValues } from 'udp-dsr/proxy'

/** A header that is read. */
export interface ValidVector {
  name: string
  bytes: Buffer
  header: ProxyHeader
  options: DecodeOptions | undefined
  payload: Buffer
  /** Whether `encode` of the header gives other bytes that mean the same. */
  otherwise: boolean
  /** Whether `encode` with `checksum: true` gives these bytes. */
  checksum: boolean
  /** What `readTlvs` makes of its TLVs. */
  values: ProxyTlvValues | undefined
}

/** Bytes that are refused. */
export interface InvalidVector {
  name: string
  bytes: Buffer
  code: ProxyProtocolError['code']
  options: DecodeOptions | undefined
}

type Json = Record<string, unknown>

const { valid, invalid } = JSON.parse(readFileSync(new URL('../vectors/proxy.json', import.meta.url), 'utf8')) as {
  valid: Json[]
  invalid: Json[]
}

const hex = (text: unknown): Buffer => Buffer.from(String(text ?? ''), 'hex')

export const validVectors: ValidVector[] = valid.map((vector) => ({
  name: vector.name as string,
  bytes: hex(vector.hex),
  header: toHeader(vector.header as Json),
  options: vector.options as DecodeOptions | undefined,
  payload: hex(vector.payload),
  otherwise: vector.otherwise === true,
  checksum: vector.checksum === true,
  values: vector.values === undefined ? undefined : toValues(vector.values as Json),
}))

export const invalidVectors: InvalidVector[] = invalid.map((vector) => ({
  name: vector.name as string,
  bytes: hex(vector.hex),
  code: vector.code as ProxyProtocolError['code'],
  options: vector.options as DecodeOptions | undefined,
}))

function toHeader(json: Json): ProxyHeader {
  const tlvs = (json.tlvs as { type: number; value: string }[]).map(({ type, value }) => ({ type, value: hex(value) }))
  if (json.family !== 'UNIX') return { ...json, tlvs } as unknown as ProxyHeader
  const [source, destination] = [json.source as Json, json.destination as Json]
  const paths = { source: { path: hex(source.path) }, destination: { path: hex(destination.path) } }
  return { ...json, ...paths, tlvs } as unknown as ProxyHeader
}

function toValues({ uniqueId, gcpPscConnectionId, ssl, ...json }: Json): ProxyTlvValues {
  const values: ProxyTlvValues = { ...json }
  if (uniqueId !== undefined) values.uniqueId = hex(uniqueId)
  if (gcpPscConnectionId !== undefined) values.gcpPscConnectionId = BigInt(gcpPscConnectionId as string)
  if (ssl === undefined) return values
  const { clientCertificate, ...rest } = ssl as Json
  values.ssl = rest as unknown as NonNullable<ProxyTlvValues['ssl']>
  if (clientCertificate !== undefined) values.ssl.clientCertificate = hex(clientCertificate)
  return values
}
