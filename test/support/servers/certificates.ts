// Certificates of PostgreSQL servers under test. They are made once and kept: a new one takes openssl a quarter of a second.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../../services/kept-folder.ts'

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
  /** The certificate of the authority that has signed it. */
  readonly ca: string
}

const here = fileURLToPath(import.meta.url)
const days = ['-days', '3650']

/** `commonName`: the role that a client shows with it, or any name for a server. */
export function certificateOf(commonName: string): Certificate {
  const authority = keptFolder({ name: 'postgres-authority', madeOf: [here], fill: makeAuthority })
  const folder = keptFolder({
    name: `postgres-certificate-${commonName}`,
    madeOf: [here, join(authority, 'ca.pem')],
    fill: (into) => makeCertificate({ commonName, authority, into }),
  })
  return { cert: join(folder, 'cert.pem'), key: join(folder, 'cert.key'), ca: join(authority, 'ca.pem') }
}

function makeAuthority(into: string): void {
  const files = ['-keyout', join(into, 'ca.key'), '-out', join(into, 'ca.pem')]
  openssl('req', '-x509', ...newKey, ...days, '-subj', '/CN=test authority of PostgreSQL', ...files)
}

interface CertificateOptions {
  readonly commonName: string
  readonly authority: string
  readonly into: string
}

function makeCertificate({ commonName, authority, into }: CertificateOptions): void {
  const path = (name: string): string => join(into, name)
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n')
  openssl('req', ...newKey, '-subj', `/CN=${commonName}`, '-keyout', path('cert.key'), '-out', path('cert.csr'))
  const signer = ['-CA', join(authority, 'ca.pem'), '-CAkey', join(authority, 'ca.key'), '-set_serial', serial()]
  const files = ['-in', path('cert.csr'), '-extfile', path('names'), '-out', path('cert.pem')]
  openssl('x509', '-req', ...days, ...signer, ...files)
}

const newKey = ['-newkey', 'rsa:2048', '-nodes']

function serial(): string {
  return String(Date.now())
}

function openssl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${error?.message ?? stderr}`)
}
