// Installs something of ours in every database of the server. Each database is asked what it has, because only the database itself knows
// what somebody has dropped in it.

import type { Logger } from 'pino'
import type { Installation } from '../backend.ts'
import { openRawConnection, type RawConnection } from '../raw-connection.ts'
import { rowTextParameters, type PostgresServer } from '../source-connection.ts'

export interface RepairOptions {
  readonly log: Logger
  /** Databases to create if they are missing. */
  readonly databases?: readonly string[]
  /** Whether to repair template0, too. A database that cannot be repaired is an error then. */
  readonly hasTemplate: boolean
}

/** How many databases are checked at the same time. */
const atATime = 4

// Event triggers of users are for commands of users. A login trigger could even refuse our connection.
const parameters = { ...rowTextParameters, event_triggers: 'off' }

export async function repairDatabases(
  server: PostgresServer,
  installation: Installation,
  { log, databases = [], hasTemplate }: RepairOptions,
): Promise<void> {
  await inDatabase(server, 'postgres', async (postgres) => {
    for (const name of databases) {
      const rows = await postgres.query(`SELECT FROM pg_database WHERE datname = '${name}'`)
      if (rows.length === 0) await postgres.query(`CREATE DATABASE ${name}`)
    }
    if (hasTemplate) await postgres.query('ALTER DATABASE template0 ALLOW_CONNECTIONS true')
    try {
      // A connection limit of -2 means that DROP DATABASE was interrupted.
      const rows = await postgres.query(
        'SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid',
      )
      const left = rows.map(([name]) => name ?? '')
      const work = async (): Promise<void> => {
        for (let name = left.pop(); name !== undefined; name = left.pop()) {
          await repair(server, name, installation).catch((error: unknown) => {
            if (hasTemplate) throw error
            log.error({ database: name, error: String(error) }, 'what the server needs in a database is missing there')
          })
        }
      }
      await Promise.all(Array.from({ length: atATime }, work))
    } finally {
      if (hasTemplate) await postgres.query('ALTER DATABASE template0 ALLOW_CONNECTIONS false')
    }
  })
}

async function repair(server: PostgresServer, database: string, { isCompleteSql, sql }: Installation): Promise<void> {
  await inDatabase(server, database, async (connection) => {
    const [row] = await connection.query(isCompleteSql)
    if (row?.[0] !== 't') await connection.query(sql)
  })
}

async function inDatabase(
  server: PostgresServer,
  database: string,
  work: (connection: RawConnection) => Promise<void>,
): Promise<void> {
  await using connection = await openRawConnection({ source: { ...server, database }, parameters })
  await work(connection)
}
