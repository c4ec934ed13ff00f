// What a new store needs before anybody connects: the databases of the single node, and CockroachDB's functions in every
// database, also in those to come (template1). Idempotent; done again when a first start was interrupted.

import { openRawConnection } from '../raw-connection.ts'
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

export async function bootstrap(source: Omit<SourceConnection, 'database'>): Promise<void> {
  const postgres = await openRawConnection({ source: { ...source, database: 'postgres' } })
  try {
    for (const name of databases) {
      const rows = await postgres.query(`SELECT FROM pg_database WHERE datname = '${name}'`)
      if (rows.length === 0) await postgres.query(`CREATE DATABASE ${name}`)
    }
    await postgres.query(functionsSql)
  } finally {
    await postgres.close()
  }
  for (const database of ['template1', ...databases]) {
    const connection = await openRawConnection({ source: { ...source, database } })
    try {
      await connection.query(functionsSql)
    } finally {
      await connection.close()
    }
  }
}
