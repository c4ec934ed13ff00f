// A session at this server's own SQL port, under the role of who uses the API. What runs there is checked and run by the code that runs the
// statements of every client, with the rights that the role has.

import pg from 'pg'

export interface ApiUser {
  readonly name: string
  /** The database of who names none. */
  readonly database: string
  /** Undefined: PostgreSQL does not ask for one. */
  readonly password: string | undefined
}

export interface OwnPort {
  readonly host: string
  readonly port: number
  readonly hasTls: boolean
}

const connectMs = 35_000

export async function connectAs(
  { name, database, password }: ApiUser,
  { host, port, hasTls }: OwnPort,
  inDatabase: string = database,
): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    user: name,
    database: inDatabase,
    // Without a text the client would look for a password of the server's own role.
    password: password ?? '',
    application_name: 'pg-changefeed console',
    connectionTimeoutMillis: connectMs,
    // It is the address of this very process, whose certificate is for other names.
    ...(hasTls ? { ssl: { rejectUnauthorized: false } } : {}),
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Runs `work` in a session of its own. */
export async function inSession<T>(
  user: ApiUser,
  { port, database }: { readonly port: OwnPort; readonly database?: string | undefined },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connectAs(user, port, database)
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
