// Certificates for tests of TLS: signed in every way, revoked, for other names. Each is made when a test asks for it.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificates.ts'

export interface OddCertificateOptions {
  /** Arguments of openssl for the key, such as `-newkey ed25519`. */
  readonly newKey?: readonly string[]
  /** Arguments for the signature, such as `-sha512`. */
  readonly signature?: readonly string[]
  /** Alternative names, such as `DNS:db.example`; empty: only a common name. */
  readonly names?: string
  readonly commonName?: string
  readonly days?: number
}

export class OddAuthority {
  readonly #dir: string
  #count = 0

  constructor(dir: string) {
    this.#dir = dir
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'index.txt'), '')
    writeFileSync(
      join(dir, 'ca.cnf'),
      `[ca]\ndefault_ca=a\n[a]\ndatabase=${dir}/index.txt\ndefault_md=sha256\ndefault_crl_days=30\n`,
    )
    this.#openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=odd authority',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    )
  }

  get ca(): string {
    return join(this.#dir, 'ca.pem')
  }

  make({
    newKey = ['-newkey', 'rsa:2048'],
    signature = [],
    names = 'IP:127.0.0.1',
    commonName = 'odd',
    days = 30,
  }: OddCertificateOptions = {}): Certificate {
    const name = `c${++this.#count}`
    const extensions = names === '' ? [] : ['-extfile', `${name}.names`]
    if (names !== '') writeFileSync(join(this.#dir, `${name}.names`), `subjectAltName=${names}\n`)
    this.#openssl(
      'req',
      ...newKey,
      '-nodes',
      '-subj',
      `/CN=${commonName}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    this.#openssl(
      'x509',
      '-req',
      '-days',
      String(days),
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-set_serial',
      String(100 + this.#count),
      ...signature,
      ...extensions,
      '-out',
      `${name}.pem`,
    )
    return { cert: join(this.#dir, `${name}.pem`), key: join(this.#dir, `${name}.key`), ca: this.ca }
  }

  /** A certificate that has signed itself. */
  selfSigned(options: { readonly newKey: readonly string[]; readonly signature?: readonly string[] }): Certificate {
    const name = `s${++this.#count}`
    this.#openssl(
      'req',
      '-x509',
      ...options.newKey,
      ...(options.signature ?? []),
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=self',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
    const cert = join(this.#dir, `${name}.pem`)
    return { cert, key: join(this.#dir, `${name}.key`), ca: cert }
  }

  /** Revokes a certificate; returns the path of the list of revoked ones. */
  revoke({ cert }: Certificate): string {
    this.#openssl('ca', '-config', 'ca.cnf', '-revoke', cert, '-keyfile', 'ca.key', '-cert', 'ca.pem')
    return this.revocations()
  }

  revocations(): string {
    this.#openssl('ca', '-config', 'ca.cnf', '-gencrl', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-out', 'crl.pem')
    const copy = join(this.#dir, `crl${++this.#count}.pem`)
    writeFileSync(copy, readFileSync(join(this.#dir, 'crl.pem')))
    return copy
  }

  #openssl(...args: string[]): void {
    const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8', cwd: this.#dir })
    if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${error?.message ?? stderr}`)
  }
}
