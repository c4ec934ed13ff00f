// The PostgreSQL of somebody else that a server under test is attached to, in a run against other versions. It has a
// database `defaultdb` and a superuser `root`, so that the tests of the embedded one run as they are.

import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import type { ServerOfTests } from '../support/servers/server-of-tests.ts'
import { preparesTablesSql } from './prepares-tables.ts'
import type { TestAttachment } from './test-server.ts'

const database = 'defaultdb'
const stateDatabase = 'state'
/** The role of our server. */
const role = 'feeds'

export class AttachedPostgres implements AsyncDisposable {
  readonly postgres: PostgresServerUnderTest
  readonly #isPrepared: boolean

  private constructor(postgres: PostgresServerUnderTest, isPrepared: boolean) {
    this.postgres = postgres
    this.#isPrepared = isPrepared
  }

  static async start({ isPrepared }: Extract<ServerOfTests, { tag: 'theirs' }>): Promise<AttachedPostgres> {
    const postgres = await PostgresServerUnderTest.start({
      settings: { track_commit_timestamp: 'on' },
      isKept: true,
    })
    try {
      await postgres.role(isPrepared ? 'REPLICATION' : 'SUPERUSER', role)
      await postgres.sql(`CREATE ROLE root SUPERUSER LOGIN`)
      await postgres.sql(`CREATE DATABASE ${database} OWNER root`)
      await postgres.sql(`CREATE DATABASE ${stateDatabase} OWNER ${role}`)
      if (isPrepared) await postgres.sql(preparesTablesSql(role), database)
    } catch (error) {
      await postgres[Symbol.asyncDispose]()
      throw error
    }
    return new AttachedPostgres(postgres, isPrepared)
  }

  get attachment(): TestAttachment {
    const { postgres } = this
    const flags = this.#isPrepared ? [`--system-url=${postgres.url(stateDatabase, role)}`] : []
    return { url: postgres.url(database, role), user: 'root', database, flags }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.postgres[Symbol.asyncDispose]()
  }
}
