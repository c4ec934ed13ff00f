// When the certificates in a PEM file end. A chain does not last longer than the first of its certificates, and the clients of an
// authority are refused when that one has ended, so the earliest end counts.

import { X509Certificate } from 'node:crypto'

const soonMs = 14 * 24 * 3_600_000

export interface CertificateEnd {
  /** The flag that names the file. */
  readonly flag: '--tls-cert' | '--tls-client-ca'
  readonly endMs: number
}

/** Throws if there is no certificate in the text. */
export function firstEndMs(pem: string): number {
  const [first, ...others] = pem.match(/-----BEGIN ([\w ]*CERTIFICATE)-----[^]*?-----END \1-----/g) ?? [pem]
  // OpenSSL reads what it can of the others.
  const read = (text: string): number[] => {
    try {
      return [endOf(text)]
    } catch {
      return []
    }
  }
  return Math.min(endOf(first ?? pem), ...others.flatMap(read))
}

function endOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime()
}

export interface CertificateExpiry {
  readonly isOver: boolean
  readonly error: string
  readonly hint: string
}

/** What is wrong with the end of a certificate; undefined: nothing for two weeks. `file`: its path, where that may be said. */
export function certificateExpiry(
  { flag, endMs }: CertificateEnd,
  { nowMs, file }: { readonly nowMs: number; readonly file?: string | undefined },
): CertificateExpiry | undefined {
  if (endMs - nowMs > soonMs) return undefined
  const isOver = endMs <= nowMs
  const what = flag === '--tls-cert' ? 'the certificate' : 'an authority'
  const at = file === undefined ? flag : `${flag}=${file}`
  return {
    isOver,
    error: `${what} in ${at} ${isOver ? 'has expired' : 'expires'} at ${new Date(endMs).toISOString()}`,
    hint: 'put another one there, and send SIGHUP to this server',
  }
}
