// Guesses what is wrong when an HTTP server cannot be reached, by the messages of the system and of TLS.

/** Returns the text of an error. A host that has several addresses fails with an error for each. */
export function reasonOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : []
  const { message, code } = (first ?? error) as NodeJS.ErrnoException
  return message === '' ? (code ?? 'no reason is given') : withoutAdvice(message)
}

/** Returns what OpenSSL says without where in its source it says so, and what Node says without its advice. */
export function withoutAdvice(message: string): string {
  const [, reason] = /\b[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):/.exec(message) ?? []
  if (reason !== undefined) return `TLS: ${reason}`
  // Node adds advice to start it with other flags, which does not help the operator of a server.
  return message.replace(/; if the root CA is installed locally, .*$/, '')
}

export interface HintOptions {
  /** What is at the URL, such as "registry". */
  readonly what: string
  readonly isTls: boolean
}

export function networkHint(said: string, { what, isTls }: HintOptions): string {
  if (/EAI_AGAIN/.test(said)) return 'no name server has answered: check the DNS of this machine'
  if (/ENOTFOUND/.test(said)) return 'the host name is not known: check its spelling'
  if (/ECONNREFUSED/.test(said)) return `check host and port, and whether the ${what} runs: nothing listens there`
  if (/certificate required|bad certificate|unknown ca\b|handshake failure/i.test(said))
    return `the ${what} wants a certificate that it trusts: give client_cert and client_key`
  if (/expired/i.test(said)) return `the certificate of the ${what}, or of the CA that signed it, has run out: renew it`
  if (/not yet valid/i.test(said)) return `the certificate of the ${what} begins later than now: check the clocks`
  if (/altnames/i.test(said)) return `name the host as the certificate of the ${what} does`
  if (/self.signed|unable to (?:verify|get)/i.test(said))
    return `give the CA that signed the certificate of the ${what} as ca_cert, in base64: base64 -w 0 ca.pem`
  if (isTls && /wrong version|packet length|EPROTO/i.test(said)) return `the ${what} does not speak TLS on this port`
  if (!isTls && /hang up|ECONNRESET|Parse Error/i.test(said)) return `the ${what} may want TLS on this port`
  return 'check host, port and the network in between'
}
