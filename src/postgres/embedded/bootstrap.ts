// What a store needs before anybody connects: the databases of the single node, and CockroachDB's functions in every
// database, also in those to come. template0 has them too: createdb -T template0, pg_dump -C and pg_restore -C make
// their databases from it. Idempotent; done again when a start was interrupted.

import { openRawConnection, type RawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'

const databases = ['defaultdb', 'system'] as const

// unique_rowid: ticks of 10 µs since 2015-01-01, then 15 bits of a counter. 32,768 values would have to be drawn within
// one tick for two to be equal.
// cluster_logical_timestamp: one for a whole transaction, and before all that it reads, so that a cursor taken beside a
// read misses nothing that the read did not see.
const functionsSql = `
SET allow_system_table_mods = on;
CREATE SEQUENCE IF NOT EXISTS pg_catalog.unique_rowid_counter CYCLE;
GRANT USAGE ON SEQUENCE pg_catalog.unique_rowid_counter TO PUBLIC;
CREATE OR REPLACE FUNCTION pg_catalog.unique_rowid() RETURNS int8 LANGUAGE sql VOLATILE AS $$
  SELECT ((((extract(epoch FROM clock_timestamp()) - 1420070400) * 100000)::int8) << 15)
    | (nextval('pg_catalog.unique_rowid_counter') & 32767)
$$;
CREATE OR REPLACE FUNCTION pg_catalog.cluster_logical_timestamp() RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT (extract(epoch FROM transaction_timestamp()) * 1000000000)::numeric(38, 10)
$$;`

// Objects of an extension that initdb has made are in no dump, nor are their privileges.
const notInDumpsSql = `
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_depend WHERE objid = 'pg_catalog.unique_rowid_counter'::regclass AND deptype = 'e')
    AND EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql') THEN
    ALTER EXTENSION plpgsql ADD SEQUENCE pg_catalog.unique_rowid_counter;
  END IF;
END $$;`

type Server = Omit<SourceConnection, 'database'>

export async function bootstrap(server: Server): Promise<void> {
  await inDatabase(server, 'postgres', async (postgres) => {
    for (const name of databases) {
      const rows = await postgres.query(`SELECT FROM pg_database WHERE datname = '${name}'`)
      if (rows.length === 0) await postgres.query(`CREATE DATABASE ${name}`)
    }
  })
  await inEveryDatabase(server, functionsSql + notInDumpsSql)
}

/** Runs a text in all databases, template0 among them. It may run again where an earlier start was interrupted. */
export async function inEveryDatabase(server: Server, sql: string): Promise<void> {
  await inDatabase(server, 'postgres', async (postgres) => {
    await postgres.query('ALTER DATABASE template0 ALLOW_CONNECTIONS true')
    try {
      const rows = await postgres.query('SELECT datname FROM pg_database WHERE datallowconn')
      for (const [name] of rows) await inDatabase(server, name ?? '', (database) => database.query(sql))
    } finally {
      await postgres.query('ALTER DATABASE template0 ALLOW_CONNECTIONS false')
    }
  })
}

async function inDatabase(
  server: Server,
  database: string,
  work: (connection: RawConnection) => Promise<unknown>,
): Promise<void> {
  const connection = await openRawConnection({ source: { ...server, database } })
  try {
    await work(connection)
  } finally {
    await connection.close()
  }
}
