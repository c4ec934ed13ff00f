// What every database needs is there after a start, whatever somebody dropped before.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openRawConnection } from '../raw-connection.ts'
import { startEmbedded, type EmbeddedPostgres } from './embedded.ts'

async function sql(embedded: EmbeddedPostgres, database: string, text: string): Promise<(string | null)[][]> {
  const connection = await openRawConnection({ source: { ...embedded.source, database } })
  try {
    return await connection.query(text)
  } finally {
    await connection.close()
  }
}

const needed = `SELECT unique_rowid() > 0, cluster_logical_timestamp() > 0, (SELECT count(*) FROM pg_extension WHERE extname = 'plpgsql'),
  (SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND objid = 'unique_rowid_counter'::regclass)`
const complete = [['t', 't', '1', '0']]

test('a start repairs what a database lacks, also where an earlier version kept the counter of rowid in plpgsql', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootstrap-test-'))
  chmodSync(folder, 0o755)
  const dir = join(folder, 'postgres')
  const log = pino({ level: 'silent' })
  let embedded = await startEmbedded({ dir, log })
  try {
    await sql(embedded, 'postgres', 'CREATE DATABASE broken')
    await sql(embedded, 'postgres', 'CREATE DATABASE whole')
    assert.deepEqual(await sql(embedded, 'whole', needed), complete)
    await sql(embedded, 'broken', 'CREATE TABLE public.t (id int8 PRIMARY KEY DEFAULT unique_rowid(), n int)')
    // As it was left by what was once not refused.
    await sql(
      embedded,
      'broken',
      `SET allow_system_table_mods = on; DELETE FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid IN (3079, 2224, 1255);
       CREATE OR REPLACE FUNCTION pg_catalog.unique_rowid() RETURNS int8 LANGUAGE sql AS $$ SELECT nextval('pg_catalog.unique_rowid_counter') $$;
       COMMENT ON FUNCTION unique_rowid() IS NULL; ALTER EXTENSION plpgsql ADD SEQUENCE unique_rowid_counter`,
    )
    await sql(embedded, 'broken', 'DROP EXTENSION plpgsql')
    await assert.rejects(sql(embedded, 'broken', 'INSERT INTO public.t (n) VALUES (1)'), /unique_rowid_counter/)
    // A database that lets nobody in keeps no other from being repaired.
    await sql(embedded, 'whole', 'CREATE DATABASE full_up CONNECTION LIMIT 0')
  } catch (error) {
    await embedded.stop('fast')
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  await embedded.stop('fast')
  embedded = await startEmbedded({ dir, log })
  try {
    for (const database of ['broken', 'whole', 'full_up'])
      assert.deepEqual(await sql(embedded, database, needed), complete, database)
    await sql(embedded, 'broken', 'INSERT INTO public.t (n) VALUES (1)')
    for (const text of [
      'DROP EXTENSION plpgsql',
      'DROP EXTENSION plpgsql CASCADE',
      'DROP SEQUENCE unique_rowid_counter CASCADE',
    ])
      await assert.rejects(sql(embedded, 'broken', text), /required by the database system/, text)
  } finally {
    await embedded.stop('fast')
    rmSync(folder, { recursive: true, force: true })
  }
})
