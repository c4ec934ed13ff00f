// A session at this server's own SQL port, under the role of who uses the API. What runs there is checked and run by the code that runs the
// statements of every client, with the rights that the role has.

import pg from 'pg'
import { Slots } from '../../async/slots.ts'
import { FeedError } from '../../errors/feed-error.ts'

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
}

const connectMs = 35_000

export async function connectAs(
  { name, database, password }: ApiUser,
  { host, port }: OwnPort,
  inDatabase: string = database,
): Promise<pg.Client> {
  // What is empty the client takes from the variables of libpq, which are those of the server's own role: its password, too.
  if (name === '' || inDatabase === '')
    throw new FeedError('FEED_OPTION', `the name of the ${name === '' ? 'role' : 'database'} is empty`)
  // In the start-up packet a zero byte ends the name, and what follows would be a parameter of its own.
  if (`${name}${inDatabase}`.includes('\0'))
    throw new FeedError('FEED_OPTION', 'the name of a role or a database has a zero byte')
  const client = new pg.Client({
    host,
    port,
    user: name,
    database: inDatabase,
    // A function is asked, and nothing else is.
    password: () => password ?? '',
    options: ' ',
    application_name: 'pg-changefeed console',
    connectionTimeoutMillis: connectMs,
    ssl: false,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Each session is a client of PostgreSQL, or several, and takes memory there: users of SQL need them, too. */
export function sessionSlots(): Slots {
  return new Slots({
    most: 8,
    mostWaiting: 100,
    refusal: () =>
      new FeedError('FEED_STATE', 'too many requests of the console wait for a session', {
        sqlstate: '53300',
        hint: 'try again',
      }),
  })
}

export interface SessionPlace {
  readonly port: OwnPort
  readonly slots: Slots
  readonly database?: string | undefined
}

/** Runs `work` in a session of its own. */
export async function inSession<T>(
  user: ApiUser,
  { port, slots, database }: SessionPlace,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return slots.run(async () => {
    const client = await connectAs(user, port, database)
    try {
      return await work(client)
    } finally {
      await client.end().catch(() => undefined)
    }
  })
}
