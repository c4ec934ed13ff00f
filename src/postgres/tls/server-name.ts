// sslmode=verify-full: whether a certificate is that of the host that was meant. Names match without regard to case, and "*"
// stands for one whole label. The common name counts only in a certificate without alternative names.

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** Returns what is wrong, or undefined. `certificate`: in DER. */
export function wrongName(certificate: Buffer, host: string): string | undefined {
  const parsed = new X509Certificate(certificate)
  const matches = isIP(host) === 0 ? isNameOf(parsed, host) : isAddressOf(parsed, host)
  return matches ? undefined : `the certificate of the server is for ${namesOf(parsed)}, not for ${host}`
}

function isNameOf(certificate: X509Certificate, host: string): boolean {
  return certificate.checkHost(host, { subject: 'default', partialWildcards: false }) !== undefined
}

function isAddressOf(certificate: X509Certificate, address: string): boolean {
  if (certificate.checkIP(address) !== undefined) return true
  return !/\b(?:DNS|IP Address):/.test(certificate.subjectAltName ?? '') && commonName(certificate) === address
}

function namesOf(certificate: X509Certificate): string {
  return certificate.subjectAltName ?? commonName(certificate) ?? 'no name'
}

function commonName({ subject }: X509Certificate): string | undefined {
  return /^CN=(.*)$/m.exec(subject ?? '')?.[1]
}
