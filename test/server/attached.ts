// For tests: a PostgreSQL that somebody else has started, with a server of ours that is attached to it.

import { PostgresServerUnderTest, type PostgresServerOptions } from '../support/postgres-server.ts'
import { TestServer } from './test-server.ts'

export interface AttachedOptions extends PostgresServerOptions {
  /** Our role, with its attributes; without: the superuser. */
  readonly role?: { readonly name: string; readonly attributes: string }
  /** The database belongs to our role, which may keep its jobs in it. */
  readonly ownsDatabase?: boolean
  /** Runs before the server starts, as the superuser in the database app. */
  readonly sql?: string
  /** Further flags of `changefeed start`. */
  readonly flags?: readonly string[]
}

export interface Attached extends AsyncDisposable {
  readonly postgres: PostgresServerUnderTest
  /** It owns the PostgreSQL. */
  readonly server: TestServer
}

/** Tests connect to the database app as the superuser, unless they say otherwise. */
export async function startAttached(options: AttachedOptions = {}): Promise<Attached> {
  const { role, sql, flags } = options
  const postgres = await PostgresServerUnderTest.start(options)
  try {
    await postgres.sql('CREATE DATABASE app')
    const user = role === undefined ? 'postgres' : await postgres.role(role.attributes, role.name)
    if (options.ownsDatabase === true) await postgres.sql(`ALTER DATABASE app OWNER TO ${user}`)
    if (sql !== undefined) await postgres.sql(sql, 'app')
    const attached = {
      url: postgres.url('app', user),
      user: 'postgres',
      database: 'app',
      password: postgres.password('postgres'),
      flags,
      owned: postgres,
    }
    const server = await TestServer.start({ attached })
    return { postgres, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
  } catch (error) {
    await postgres[Symbol.asyncDispose]()
    throw error
  }
}

const preparedSql = `CREATE PUBLICATION pg_changefeed; CREATE SCHEMA changefeed_state; GRANT USAGE, CREATE ON SCHEMA changefeed_state TO cdc`

const prepares = (table: string): string =>
  `ALTER TABLE ${table} REPLICA IDENTITY FULL; GRANT SELECT ON ${table} TO cdc; ALTER PUBLICATION pg_changefeed ADD TABLE ${table}`

/** The role of our server that a DBA has prepared a database for: SQL for `AttachedOptions`, and what each table needs. */
export const prepared = {
  role: { name: 'cdc', attributes: 'REPLICATION' },
  sql: preparedSql,
  tableSql: prepares,
} as const

/** The same for a role that gets no connection for replication: it is only a member of a role with REPLICATION. */
export const preparedForMember = {
  role: { name: 'cdc', attributes: '' },
  sql: `CREATE ROLE replicates REPLICATION; GRANT replicates TO cdc; ${preparedSql}`,
  tableSql: prepares,
} as const
