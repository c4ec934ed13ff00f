// What PostgreSQL asks a client for before it lets the client in. Every connection that we open reads it here.
//
//   Authentication  'R'  i32 method  …     0: nothing more is asked for

import { FeedError } from '../errors/feed-error.ts'

const methods: Readonly<Record<number, string>> = {
  3: 'cleartext password',
  5: 'md5',
  7: 'GSSAPI',
  9: 'SSPI',
  10: 'SCRAM-SHA-256',
}

/** The method of authentication that the server asks for, by name. `start`: of the body. Undefined: it asks for nothing. */
export function askedMethod(bytes: Buffer, start: number): string | undefined {
  const method = bytes.readInt32BE(start)
  return method === 0 ? undefined : (methods[method] ?? `method ${method}`)
}

/** Answers the server for a connection of our own. Throws FEED_START for a method that we cannot answer. */
export function authenticate(bytes: Buffer, start: number): void {
  const method = askedMethod(bytes, start)
  if (method === undefined) return
  throw new FeedError('FEED_START', `PostgreSQL asks for ${method} authentication, which is not supported yet`, {
    hint: 'allow trust for this role and address in pg_hba.conf',
  })
}
