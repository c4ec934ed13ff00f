// Guesses what is wrong when a registry cannot be reached, by the messages of the system and of TLS.

/** Returns the text of an error. An address that has several IP addresses fails with an error for each. */
export function reasonOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : []
  const { message, code } = (first ?? error) as NodeJS.ErrnoException
  return message === '' ? (code ?? 'no reason is given') : message
}

export function networkHint(said: string, url: string): string {
  const isTls = url.startsWith('https:')
  if (/ENOTFOUND|EAI_AGAIN/.test(said)) return 'the host name is not known: check its spelling'
  if (/ECONNREFUSED/.test(said)) return 'nothing listens there: check host and port, and whether the registry runs'
  if (/certificate required|bad certificate|unknown ca\b|handshake failure/i.test(said))
    return 'the registry wants a certificate that it trusts: give client_cert and client_key'
  if (/expired/i.test(said))
    return 'the certificate of the registry, or of the CA that signed it, has run out: renew it'
  if (/altnames/i.test(said)) return 'name the host as the certificate of the registry does'
  if (/self.signed|unable to (?:verify|get)/i.test(said))
    return 'give the CA that signed the certificate of the registry as ca_cert, in base64: base64 -w 0 ca.pem'
  if (isTls && /wrong version|packet length|EPROTO/i.test(said))
    return 'the registry does not speak TLS on this port: try http://'
  if (!isTls && /hang up|ECONNRESET|Parse Error/i.test(said)) return 'the registry may want TLS on this port: https://'
  return 'check host, port and the network in between'
}
