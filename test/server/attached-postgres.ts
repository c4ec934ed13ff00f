// The PostgreSQL of somebody else that a server under test is attached to. In a run against other versions it has a
// database `defaultdb` and a superuser `root`, so that the tests of the embedded one run as they are.

import { jobColumns } from '../../src/jobs/job-columns.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import type { ServerOfTests } from '../support/servers/server-of-tests.ts'
import { preparesTablesSql } from './prepares-tables.ts'

/** A PostgreSQL that runs already, for `changefeed start`. */
export interface TestAttachment {
  /** As behind --postgres. */
  readonly url: string
  /** As whom the tests connect, and to which database, unless they say it. */
  readonly user: string
  readonly database: string
  /** Of the user. */
  readonly password?: string | undefined
  /** Further flags. */
  readonly flags?: readonly string[] | undefined
  /** Is disposed of after the server. */
  readonly owned?: PostgresServerUnderTest | undefined
}

const database = 'defaultdb'
/** The role of our server. */
const role = 'feeds'

export class AttachedPostgres implements AsyncDisposable {
  readonly postgres: PostgresServerUnderTest

  private constructor(postgres: PostgresServerUnderTest) {
    this.postgres = postgres
  }

  static async start({ isPrepared }: Extract<ServerOfTests, { tag: 'theirs' }>): Promise<AttachedPostgres> {
    const postgres = await PostgresServerUnderTest.start({
      tls: true,
      auth: 'scram-sha-256',
      settings: { track_commit_timestamp: 'on', max_connections: '400' },
      isKept: true,
    })
    try {
      await postgres.role(isPrepared ? 'REPLICATION' : 'SUPERUSER', role)
      // Clients of the tests log in without a password.
      await postgres.allow(
        `hostssl all,replication ${role} 127.0.0.1/32 scram-sha-256`,
        'hostssl all all 127.0.0.1/32 trust',
      )
      await postgres.sql('CREATE ROLE root SUPERUSER LOGIN')
      await postgres.sql(`CREATE DATABASE ${database} OWNER root`)
      await postgres.sql(`CREATE SCHEMA changefeed_state AUTHORIZATION ${role}`, database)
      if (isPrepared) await postgres.sql(preparesTablesSql(role), database)
    } catch (error) {
      await postgres[Symbol.asyncDispose]()
      throw error
    }
    return new AttachedPostgres(postgres)
  }

  get attachment(): TestAttachment {
    return { url: this.postgres.url(database, role), user: 'root', database }
  }

  /** What only the embedded PostgreSQL has, and tests ask for: the table of jobs by its name, and the time of a transaction. */
  async addNames(): Promise<void> {
    const columns = jobColumns.map(({ name, type, from }) => `(${from})::pg_catalog.${type} AS ${name}`).join(', ')
    await this.postgres.sql(
      `CREATE SCHEMA crdb_internal; GRANT USAGE ON SCHEMA crdb_internal TO PUBLIC;
       CREATE VIEW crdb_internal.jobs AS SELECT ${columns} FROM changefeed_state.jobs; GRANT SELECT ON crdb_internal.jobs TO PUBLIC;
       CREATE FUNCTION public.cluster_logical_timestamp() RETURNS numeric LANGUAGE sql STABLE
         AS 'SELECT (extract(epoch FROM transaction_timestamp()) * 1000000000)::numeric(38, 10)'`,
      database,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.postgres[Symbol.asyncDispose]()
  }
}
