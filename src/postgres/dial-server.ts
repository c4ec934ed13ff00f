// Opens a connection for a client that logs in itself, such as a session of the front. The choice of a host and of encryption may need
// a login, which such a connection cannot repeat; so it goes where a connection of our own has got in a moment ago.
//
// Our own client certificate is not shown on it: it would let whoever uses the connection in as our own role.

import { connectInTurn } from './connect-in-turn.ts'
import { dial, type DialOptions, type Dialed, type Route } from './dial.ts'
import { openRawConnection } from './raw-connection.ts'
import { lastRoute } from './last-route.ts'
import type { SourceConnection } from './source-connection.ts'

export interface DialedServer extends Dialed {
  readonly route: Route
}

/** `server` names the database in which our own role may find out which of several hosts will do. */
export async function dialServer(
  server: SourceConnection,
  { onread, signal }: DialOptions = {},
): Promise<DialedServer> {
  const own = await knownRoute(server)
  const known = own && withoutCertificate(own)
  if (known !== undefined) {
    try {
      return { ...(await dial(known, { onread, signal, withinMs: server.connectWithinMs })), route: known }
    } catch (error) {
      // The server may have moved since.
      if (signal?.aborted === true || isFixed(server)) throw error
    }
  }
  return await connectInTurn(server, async ({ route: found, withinMs }) => {
    const route = withoutCertificate(found)
    return { ...(await dial(route, { onread, signal, withinMs })), route }
  })
}

function withoutCertificate({ tls, ...route }: Route): Route {
  if (tls === undefined) return route
  return { ...route, tls: { ...tls, cert: undefined, key: undefined, keyPassword: undefined, certMode: 'disable' } }
}

/** Undefined if the first host that answers will do. */
async function knownRoute(server: SourceConnection): Promise<Route | undefined> {
  if (!mustLogIn(server)) return undefined
  const last = lastRoute(server)
  if (last !== undefined) return last
  await using connection = await openRawConnection({ source: server, readBufferBytes: 16 * 1024 })
  void connection
  return lastRoute(server)
}

/** Whether only a login tells which host and which kind of encryption are right. */
function mustLogIn({ targetSessionAttrs = 'any', tls, socketDir }: SourceConnection): boolean {
  return targetSessionAttrs !== 'any' || (socketDir === undefined && (tls?.mode === 'allow' || tls?.mode === 'prefer'))
}

/** Whether no other host may take the place of the one that was found. */
function isFixed({ targetSessionAttrs = 'any' }: SourceConnection): boolean {
  return targetSessionAttrs !== 'any'
}
