// Opens the connection of the shell: the driver runs statements on a connection of ours, which has chosen the host, encrypted and logged in.
// If the server asks for a password that nobody has given, the user is asked for it.

import type { Socket } from 'node:net'
import pg from 'pg'
import { FeedError } from '../../errors/feed-error.ts'
import { isPasswordMissing } from '../../postgres/login/read-password.ts'
import { PoolStream } from '../../postgres/pool-stream.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import { unreachable } from '../unreachable.ts'
import { askPassword } from './ask-password.ts'
import type { ShellConnection } from './connection.ts'

/** Without this limit, a server that accepts connections and says nothing would be waited for for ever. */
const loginWithinMs = 15_000

/** Members of the driver's client that its type does not have. */
export type Client = pg.Client & { readonly connection: { readonly stream: Socket } }

export interface OpenedClient {
  readonly client: Client
  readonly stream: PoolStream
  /** With the password that was asked for, so that another connection needs no question. */
  readonly source: SourceConnection
}

/** `prepared` is called before anything can arrive on the client. */
export async function openClient(
  { source, options }: Pick<ShellConnection, 'source' | 'options'>,
  prepared: (client: Client) => void,
): Promise<OpenedClient> {
  try {
    return await open(source, options, prepared)
  } catch (error) {
    if (!(error instanceof FeedError) || !isPasswordMissing(error)) throw shown(source, error)
    const password = await askPassword(`Password for user ${source.user}: `)
    if (password === undefined) throw shown(source, error)
    const known = { ...source, password: { tag: 'text', text: password } as const }
    return open(known, options, prepared).catch((again: unknown) => {
      throw shown(known, again)
    })
  }
}

async function open(
  source: SourceConnection,
  options: string | undefined,
  prepared: (client: Client) => void,
): Promise<OpenedClient> {
  const stream = new PoolStream({
    source: { ...source, connectWithinMs: source.connectWithinMs ?? loginWithinMs },
    applicationName: 'changefeed sql',
    // The session has the settings that its server, database and role give it.
    parameters: { client_encoding: 'UTF8', ...(options === undefined ? {} : { options }) },
  })
  const client = new pg.Client({ ssl: false, stream: () => stream as unknown as Socket }) as Client
  prepared(client)
  await client.connect()
  return { client, stream, source }
}

/** What the server itself has said, is shown as it has said it. */
function shown({ host, port, otherHosts }: SourceConnection, error: unknown): unknown {
  if (!(error instanceof FeedError) || otherHosts !== undefined) return error
  const { cause } = error
  if (error.code === 'FEED_SOURCE_DOWN')
    return cause instanceof Error ? unreachableOr({ host, port }, cause, error) : error
  if (!(cause instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') return error
  const { message, sqlstate, detail, hint } = cause
  return Object.assign(new Error(message, { cause }), { severity: 'FATAL', code: sqlstate, detail, hint })
}

function unreachableOr(at: { readonly host: string; readonly port: number }, cause: Error, error: FeedError): Error {
  const known = unreachable(at, cause)
  return known === cause ? error : known
}
