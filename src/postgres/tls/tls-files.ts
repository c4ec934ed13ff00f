// The files of a TLS connection, read at every connection, so that a renewed certificate needs no restart. Names that are not given are
// those of libpq, in ~/.postgresql.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, type SecureContextOptions } from 'node:tls'
import { FeedError } from '../../errors/feed-error.ts'
import type { TlsSettings } from '../source-connection.ts'

export interface TlsFiles extends Pick<SecureContextOptions, 'ca' | 'crl' | 'cert' | 'key' | 'passphrase'> {
  /** Whether the certificate of the server has to be signed by one of `ca`. */
  readonly isVerified: boolean
}

/** Throws FEED_START, which names the file. */
export function readTlsFiles(settings: TlsSettings): TlsFiles {
  const ca = rootCertificates(settings)
  const crl = ca === undefined ? [] : revocations(settings)
  return {
    isVerified: ca !== undefined,
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(crl.length === 0 ? {} : { crl }),
    ...clientCertificate(settings),
  }
}

/** Undefined: the certificate of the server is not checked. A root certificate that exists is used in every mode, as libpq does. */
function rootCertificates({ rootCert, mode }: TlsSettings): readonly (string | Buffer)[] | undefined {
  if (rootCert === 'system') {
    const found = getCACertificates('system')
    if (found.length > 0) return found
    throw problem('sslrootcert=system: the system has no trusted certificates', 'install the package ca-certificates')
  }
  const path = rootCert ?? inHome('root.crt')
  const text = readIfThere(path, rootCert !== undefined)
  if (text !== undefined) return [text]
  if (mode !== 'verify-ca' && mode !== 'verify-full') return undefined
  throw problem(
    `sslmode=${mode} needs the certificate of an authority, and ${path} does not exist`,
    `put it there, name another file with sslrootcert, or use sslrootcert=system for the authorities that the system trusts`,
  )
}

function revocations({ revocations: file, revocationsDir }: TlsSettings): Buffer[] {
  const found: Buffer[] = []
  const one = readIfThere(file ?? inHome('root.crl'), file !== undefined)
  if (one !== undefined) found.push(one)
  if (revocationsDir === undefined) return found
  try {
    return [...found, ...readdirSync(revocationsDir).map((name) => readFileSync(join(revocationsDir, name)))]
  } catch (error) {
    throw problem(`sslcrldir ${revocationsDir} cannot be read: ${(error as Error).message}`)
  }
}

function clientCertificate(settings: TlsSettings): Pick<SecureContextOptions, 'cert' | 'key' | 'passphrase'> {
  const { certMode, keyPassword } = settings
  if (certMode === 'disable') return {}
  const certPath = settings.cert ?? inHome('postgresql.crt')
  const cert = readIfThere(certPath, settings.cert !== undefined)
  if (cert === undefined) {
    if (certMode === 'require')
      throw problem(`sslcertmode=require, and the client certificate ${certPath} does not exist`)
    return {}
  }
  const keyPath = settings.key ?? inHome('postgresql.key')
  const key = readIfThere(keyPath, settings.key !== undefined)
  if (key === undefined) throw problem(`there is a client certificate, ${certPath}, but no private key, ${keyPath}`)
  checkPrivate(keyPath)
  return { cert, key, ...(keyPassword === undefined ? {} : { passphrase: keyPassword }) }
}

/** A private key that others can read is refused, as libpq does. A key of root may be readable by its group. */
function checkPrivate(path: string): void {
  const { mode, uid } = statSync(path)
  const most = uid === 0 ? 0o740 : 0o700
  if ((mode & 0o777 & ~most) === 0) return
  throw problem(`private key ${path} can be read by others`, `chmod 0600 ${path}`)
}

function readIfThere(path: string, mustExist: boolean): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (!mustExist && ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw problem(`${path} cannot be read: ${(error as Error).message}`)
  }
}

function inHome(name: string): string {
  return join(homedir(), '.postgresql', name)
}

function problem(message: string, hint?: string): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate: '08001', hint })
}
