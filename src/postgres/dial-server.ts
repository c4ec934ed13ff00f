// Opens a connection for a client that logs in itself, such as a session of the front. The choice of a host and of encryption may need
// a login, which such a connection cannot repeat; so it goes where a connection of our own has got in a moment ago.
//
// Our own client certificate is not shown on it: it would let whoever uses the connection in as our own role.

import { connectInTurn } from './connect-in-turn.ts'
import { dial, type DialOptions, type Dialed, type Route } from './dial.ts'
import { openRawConnection } from './raw-connection.ts'
import { findRoute, lastRoute } from './last-route.ts'
import type { SourceConnection } from './source-connection.ts'

export interface DialedServer extends Dialed {
  readonly route: Route
}

/** `server` names the database in which our own role may find out which of several hosts will do. */
export async function dialServer(server: SourceConnection, options: DialOptions = {}): Promise<DialedServer> {
  const { signal } = options
  if (!mustLogIn(server)) return await connectInTurn(server, (turn) => dialRoute(turn, options), { signal })
  const { connectWithinMs: withinMs } = server
  const last = lastRoute(server)
  try {
    if (last !== undefined) return await dialRoute({ route: last, withinMs }, options)
  } catch {
    // The server may have moved since.
    signal?.throwIfAborted()
  }
  const route = await findRoute(server, () => logIn(server))
  signal?.throwIfAborted()
  return await dialRoute({ route, withinMs }, options)
}

async function logIn(server: SourceConnection): Promise<Route> {
  await using connection = await openRawConnection({ source: server, readBufferBytes: 16 * 1024 })
  return connection.route
}

interface RouteTurn {
  readonly route: Route
  readonly withinMs: number | undefined
}

async function dialRoute({ route: found, withinMs }: RouteTurn, options: DialOptions): Promise<DialedServer> {
  const route = withoutCertificate(found)
  return { ...(await dial(route, { ...options, withinMs })), route }
}

function withoutCertificate({ tls, ...route }: Route): Route {
  if (tls === undefined) return route
  return { ...route, tls: { ...tls, cert: undefined, key: undefined, keyPassword: undefined, certMode: 'disable' } }
}

/** Whether only a login tells which host and which kind of encryption are right. */
function mustLogIn({ targetSessionAttrs = 'any', tls, socketDir }: SourceConnection): boolean {
  return targetSessionAttrs !== 'any' || (socketDir === undefined && (tls?.mode === 'allow' || tls?.mode === 'prefer'))
}
