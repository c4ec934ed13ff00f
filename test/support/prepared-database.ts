// For tests: a database that a DBA has prepared on somebody's own PostgreSQL. The connection of ours is a role of few rights;
// `sql` is the DBA and the application.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseLsn } from '../../src/core/lsn.ts'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import { removeStore } from './kept-stores.ts'
import type { PostgresServerUnderTest } from './postgres-server.ts'
import type { TestDatabase } from './postgres-under-test.ts'
import { within } from './until.ts'

export interface PreparedDatabase extends TestDatabase {
  readonly name: string
  readonly role: string
}

/** For `preparedDatabase`: the role gets no connection for replication, and uses slots by SQL functions, as a member of another role. */
export const forMember =
  (tables: string) =>
  (role: string): string =>
    `ALTER ROLE ${role} NOREPLICATION; CREATE ROLE ${role}_may REPLICATION; GRANT ${role}_may TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE ${tables}; GRANT SELECT ON ${tables} TO ${role}`

let count = 0

/** `schema` makes the tables; then the script of setup-sql, or what stands for it, prepares them. */
export async function preparedDatabase(
  server: PostgresServerUnderTest,
  schema: string,
  prepare: (role: string) => string,
): Promise<PreparedDatabase> {
  const name = `prepared${++count}`
  const role = `cdc_${name}`
  await server.sql(`CREATE DATABASE ${name}`)
  await server.sql(schema, name)
  await server.role('REPLICATION', role)
  await server.sql(prepare(role), name)
  const dir = mkdtempSync(join(tmpdir(), 'prepared-test-'))
  return {
    name,
    role,
    dir,
    get source() {
      return server.source(name, role)
    },
    connect: (user) => openRawConnection({ source: server.localSource(name, user), parameters: {} }),
    sql: (text) => server.sql(text, name),
    flushLsn: async () => parseLsn((await server.sql('SELECT pg_current_wal_flush_lsn()', name))[0]?.[0] ?? ''),
    async [Symbol.asyncDispose](): Promise<void> {
      removeStore(dir)
      const slots = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${name}'`
      await within(10_000, 'the slot to become free', () =>
        server.sql(slots).then(
          () => true,
          () => false,
        ),
      )
      await server.sql(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}
