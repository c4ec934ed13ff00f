// What goes wrong in TLS, in words. OpenSSL tells it in codes, or as an alert that the server has sent.

import { FeedError } from '../../errors/feed-error.ts'

const unknownAuthority = 'the certificate of the server is not signed by an authority of sslrootcert'

const reasons: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the server is signed by itself, and not in sslrootcert',
  CERT_HAS_EXPIRED: 'the certificate of the server has expired',
  CERT_NOT_YET_VALID: 'the certificate of the server is not valid yet; is the clock right?',
  CERT_REVOKED: 'the certificate of the server is revoked',
  UNABLE_TO_GET_CRL: 'sslcrl contains no list of the authority that signed the certificate of the server',
  CRL_HAS_EXPIRED: 'the list of revoked certificates has expired',
}

/** The words for an error of a TLS connection; those of other errors stay as they are. */
export function tlsReason({ code = '', message }: NodeJS.ErrnoException): string {
  const alert = /alert ([a-z ]+)/.exec(message)?.[1]
  if (alert === undefined) return reasons[code] ?? message
  return /certificate|ca$|access denied/.test(alert)
    ? `the server does not accept our certificate, sslcert (TLS alert: ${alert})`
    : `the server ends TLS (alert: ${alert})`
}

/** Messages of OpenSSL about files do not contain what is in them. */
export function tlsError(error: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `TLS failed: ${tlsReason(error)}`, { cause: error })
}
