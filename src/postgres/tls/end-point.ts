// The channel binding tls-server-end-point (RFC 5929): a hash of the server's certificate, by the hash function of its signature. MD5 and SHA-1
// become SHA-256. A signature without a hash function of its own, such as Ed25519, has no such binding.

import { createHash, X509Certificate } from 'node:crypto'

/** Returns undefined for a certificate that nothing can be bound to. `certificate`: in DER. */
export function endPointData(certificate: Buffer): Buffer | undefined {
  const hash = hashOf(certificate)
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest()
}

function hashOf(certificate: Buffer): string | undefined {
  const algorithm = new X509Certificate(certificate).signatureAlgorithm ?? ''
  if (/rsassa-?pss/i.test(algorithm)) return pssHash(certificate)
  const [, name] = /(md5|sha-?\d+(?:-\d+)?)/i.exec(algorithm) ?? []
  if (name === undefined) return undefined
  const hash = name.toLowerCase()
  return hash === 'md5' || /^sha-?1$/.test(hash) ? 'sha256' : hash
}

/** The object identifiers of hash functions, in DER. */
const hashes: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha256',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040204': 'sha224',
}

/**
 * RSASSA-PSS has its hash function among the parameters of the algorithm:
 *
 *   Certificate ::= SEQUENCE { TBSCertificate, AlgorithmIdentifier, … }
 *   AlgorithmIdentifier ::= SEQUENCE { OBJECT IDENTIFIER, SEQUENCE { [0] SEQUENCE { OBJECT IDENTIFIER hash } OPTIONAL, … } }
 */
function pssHash(der: Buffer): string | undefined {
  const certificate = element(der, 0)
  const signed = element(der, certificate.start)
  const algorithm = element(der, signed.end)
  const parameters = element(der, element(der, algorithm.start).end)
  // Without parameters, or without a hash function in them, it is SHA-1.
  if (parameters.end > algorithm.end || parameters.start === parameters.end) return 'sha256'
  const first = element(der, parameters.start)
  if (first.tag !== 0xa0) return 'sha256'
  const hash = element(der, element(der, first.start).start)
  return hashes[der.toString('hex', hash.start, hash.end)]
}

/** The element of DER at a position: where its content starts and ends. */
function element(der: Buffer, at: number): { readonly tag: number; readonly start: number; readonly end: number } {
  const tag = der[at] ?? 0
  const first = der[at + 1] ?? 0
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const bytes = first & 0x7f
  const start = at + 2 + bytes
  return { tag, start, end: start + der.readUIntBE(at + 2, bytes) }
}
