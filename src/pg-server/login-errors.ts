// The errors of logins that cannot pass through the front. The client gets them as errors of the server.

import { FeedError } from '../errors/feed-error.ts'
import { askForScram, letInUnasked } from '../postgres/login/unasked.ts'
import type { ReportFields } from '../wire/report-fields.ts'
import type { Refusal } from './local-statement.ts'

const invalidAuthorization = '28000'

function refused(message: string, hint: string): FeedError {
  return new FeedError('FEED_PRIVILEGE', message, { sqlstate: invalidAuthorization, hint })
}

/** PostgreSQL asks nothing, and may have recognised this server in place of the client. */
export function nobodyAsked(): FeedError {
  return refused(`${letInUnasked}, so nobody has checked who you are`, askForScram)
}

export function openPassword(where: 'client' | 'server'): FeedError {
  const way = where === 'client' ? 'between you and this server' : 'between this server and PostgreSQL'
  return refused(
    `PostgreSQL asks for the password itself, which would be readable on the network ${way}`,
    where === 'client'
      ? 'connect with sslmode=require or stronger; or use scram-sha-256 in pg_hba.conf'
      : 'start this server with sslmode=require or stronger in --postgres; or use scram-sha-256 in pg_hba.conf',
  )
}

export function cannotPass(what: string): FeedError {
  return refused(
    `PostgreSQL asks for ${what} authentication, which cannot pass through this server`,
    'in pg_hba.conf of PostgreSQL, ask connections from this server for scram-sha-256',
  )
}

export function cannotBind(): FeedError {
  return refused(
    "channel binding cannot pass through this server, because its certificate is not PostgreSQL's",
    "connect with channel_binding=disable; or start this server with PostgreSQL's own certificate and key as --tls-cert and --tls-key",
  )
}

export function onlyEncrypted(): FeedError {
  return refused(
    'this server accepts only encrypted connections from other machines',
    'connect with sslmode=require or stronger',
  )
}

/** `why` it was not accepted; undefined: the client has shown none. */
export function noClientCertificate(why: string | undefined): FeedError {
  return new FeedError(
    'FEED_PRIVILEGE',
    'this server asks for a client certificate that its --tls-client-ca has signed',
    {
      sqlstate: invalidAuthorization,
      detail: why === undefined ? 'The client has shown no certificate.' : `The certificate was not accepted: ${why}.`,
      hint: 'name certificate and key with sslcert and sslkey',
    },
  )
}

/** Who is not logged in yet is not told where PostgreSQL is. */
export function notReachable(): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL cannot be reached', {
    sqlstate: '57P03',
    hint: 'try again; the log of the server says why',
  })
}

export function unexpectedAnswer(): FeedError {
  return new FeedError('FEED_PROTOCOL', 'the client sent something else than the answer to the password request')
}

export function loginTooSlow(): FeedError {
  return new FeedError('FEED_CANCELED', 'canceling authentication due to timeout')
}

export function tooManyLogins(): FeedError {
  return new FeedError('FEED_STATE', 'too many clients are logging in', { sqlstate: '53300', hint: 'try again' })
}

/** Methods by which PostgreSQL recognises the other end without a password. */
const recognised = /^(?:peer|ident|certificate) authentication failed/i

/** PostgreSQL's own error does not say that it sees this server, and not the client, as the other end. */
export function explainLogin({ sqlstate, routine, message }: Refusal): ReportFields | undefined {
  if (sqlstate !== invalidAuthorization) return undefined
  if (routine !== 'ClientAuthentication' && !recognised.test(message)) return undefined
  return {
    hint: 'you are connected through a changefeed server: PostgreSQL sees the address, the user and the encryption of that server, and a client certificate does not pass through it. Ask connections from it for scram-sha-256 in pg_hba.conf',
  }
}
