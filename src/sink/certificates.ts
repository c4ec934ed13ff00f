// The certificates among the parameters of a URI: ca_cert, client_cert and client_key, each a PEM file in base64.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { SinkParameters } from './sink-parameters.ts'

type Parameters = SinkParameters<'ca_cert' | 'client_cert' | 'client_key'>

/** PEM texts. */
export interface Certificates {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

export function readCertificates(parameters: Parameters): Certificates {
  const ca = parameters.base64('ca_cert')
  const cert = parameters.base64('client_cert')
  const key = parameters.base64('client_key')
  return { ca, cert, key }
}

/** Throws if one is none, or if one is missing. */
export function checkCertificates({ ca, cert, key }: Certificates, parameters: Parameters): void {
  if (cert !== undefined && key === undefined) throw parameters.refused('client_cert requires client_key to be set')
  if (key !== undefined && cert === undefined) throw parameters.refused('client_key requires client_cert to be set')
  if (ca !== undefined && !isCertificate(ca)) {
    throw parameters.refused(
      'failed to parse certificate data: ca_cert is no PEM certificate',
      'base64 -w 0 ca.cert gives the value',
    )
  }
  if (cert !== undefined && key !== undefined) checkPair(cert, key, parameters)
}

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

function checkPair(cert: string, key: string, parameters: Parameters): void {
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return
  } catch {
    // The message of Node could contain parts of the key.
  }
  throw parameters.refused(
    'invalid client certificate data provided',
    'client_cert and client_key are a PEM certificate and its unencrypted PEM key, each in base64',
  )
}
