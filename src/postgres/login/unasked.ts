// PostgreSQL lets somebody in without asking for a password: by trust, peer or ident in pg_hba.conf. Clients log in through our server, so
// PostgreSQL may have recognised the server in place of the client: the front refuses such logins, and who starts a server or asks the
// doctor is warned before. A certificate of our own is shown on no connection of a client, so it says nothing about them.

import { shownName } from '../../core/quote.ts'

export const letInUnasked = 'PostgreSQL lets this server in without asking for a password'

export const askForScram =
  'in pg_hba.conf of PostgreSQL, ask connections from this server for scram-sha-256, not trust, peer or ident; or start this server with --insecure, which lets everybody who reaches it be any role'

/** `role`: as whom our own connection was let in. */
export function unaskedWarning(role: string): string {
  return `${letInUnasked}, as role ${shownName(role)}: clients that log in through this server are refused wherever PostgreSQL asks for none, because nobody has checked who they are`
}
