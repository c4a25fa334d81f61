import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, findCommand } from '../../examples/netns/index.js'

/** Why certificates cannot be made here, or undefined. */
export function whyNoCertificates(): string | undefined {
  return findCommand('openssl') ? undefined : 'needs the program openssl (Debian: openssl)'
}

export interface Certificate {
  /** PEM. */
  cert: string
  key: string
}

export interface Certificates {
  ca: string
  /** For server.test and other.test. */
  server: Certificate
  /** Its common name is alice. */
  client: Certificate
}

/** Makes an authority, and what it signs, valid for a day. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-certificates-'))
  const file = (name: string) => join(folder, name)
  const read = (name: string) => readFileSync(file(name), 'utf8')
  const make = async (name: string, args: readonly string[]): Promise<Certificate> => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)]
    const all = ['req', '-x509', '-batch', '-days', '1', ...key, '-out', file(`${name}.pem`), ...args]
    const { code, stderr } = await command('openssl', all)
    if (code !== 0) throw new Error(`openssl failed: ${stderr}`)
    return { cert: read(`${name}.pem`), key: read(`${name}.key`) }
  }
  try {
    const { cert: ca } = await make('ca', ['-subj', '/CN=authority'])
    const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
    const names = 'subjectAltName=DNS:server.test,DNS:other.test'
    return {
      ca,
      server: await make('server', [...signed, '-subj', '/CN=server.test', '-addext', names]),
      client: await make('client', [...signed, '-subj', '/CN=alice']),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
