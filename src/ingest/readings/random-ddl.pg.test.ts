// Writers, somebody who changes tables and types at random, and an ingest that is cut off, stopped and left behind, as a role with few
// rights: every row comes with the columns, the values and the key that it had when it was written, or the feeds of its table end by
// name.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'
import { decodeLog, type Decoded } from '../../../test/support/decode-log.ts'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { randomOf } from '../../../test/support/log-under-test.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import {
  randomDdl,
  randomTables,
  writeRow,
  writeRows,
  type Random,
  type Written,
} from '../../../test/support/random-ddl.ts'
import { versionsOfRun } from '../../../test/support/servers/server-of-tests.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'

/** More on demand: CHANGEFEED_RANDOM_DDL=seconds:pause in ms:first seed:seeds. */
const [seconds = 8, pauseMs = 120, firstSeed = 1, seeds = 1] = (process.env['CHANGEFEED_RANDOM_DDL'] ?? '')
  .split(':')
  .filter((part) => part !== '')
  .map(Number)

for (const version of versionsOfRun([14, 18]))
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
    test(`PostgreSQL ${version}, seed ${seed}: no row is read with a shape that was not its own`, async (t) => {
      await using server = await PostgresServerUnderTest.start({ version })
      await using db = await preparedDatabase(
        server,
        randomTables,
        (role) => `GRANT SELECT ON t1, t2, t3 TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE t1, t2, t3`,
      )
      const story = await run(db, randomOf(seed * 7919 + version))
      const result = judge(story)
      t.diagnostic(JSON.stringify({ written: story.written.length, ddl: story.ddl, ...result.counts }))
      assert.deepEqual(result.wrong.slice(0, 5), [])
    })

interface Story {
  readonly written: readonly Written[]
  readonly decoded: readonly Decoded[]
  readonly ddl: number
}

async function run(db: PreparedDatabase, random: Random): Promise<Story> {
  const written: Written[] = []
  const relids = (await db.sql(`SELECT oid FROM pg_class WHERE relname IN ('t1', 't2', 't3')`)).map(([oid]) =>
    Number(oid),
  )
  const over = new AbortController()
  let ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  const connections: RawConnection[] = []
  const connect = async (): Promise<RawConnection> => {
    const connection = await db.connect()
    connections.push(connection)
    await connection.query(`SET lock_timeout = '2s'; SET synchronous_commit = ${random(2) === 0 ? 'off' : 'on'}`)
    return connection
  }
  const note = (rows: readonly Written[]): void => void written.push(...rows)
  const work = [1, 2, 3].map(async () =>
    writeRows(await connect(), { relids, random, until: over.signal, written: note }),
  )
  let ddl = 0
  const changing = (async () => {
    const connection = await connect()
    while (!over.signal.aborted) {
      const columns = await connection.query(
        `SELECT DISTINCT attname FROM pg_attribute WHERE attrelid IN (${relids.join()}) AND attnum > 2 AND NOT attisdropped`,
      )
      const sql = randomDdl(
        random,
        columns.map(([name]) => name ?? ''),
      )
      try {
        // Rows before and after a change in one transaction.
        if (random(6) === 0 && !/BEGIN|VACUUM/.test(sql)) {
          const relid = relids[random(relids.length)] as number
          await connection.query('BEGIN')
          const rows = random(2) === 0 ? [await writeRow(connection, relid)] : []
          await connection.query(sql)
          rows.push(await writeRow(connection, relid))
          await connection.query('COMMIT')
          note(rows)
        } else await connection.query(sql)
        ddl += 1
      } catch {
        await connection.query('ROLLBACK')
      }
      // The schema changes come at times that do not depend on what the writers do.
      await delay(random(2 * pauseMs))
    }
  })()
  const endsAt = Date.now() + seconds * 1000
  while (Date.now() < endsAt) {
    // Trouble comes at any time.
    await delay(500 + random(1500))
    const what = random(4)
    if (what === 0) {
      await db.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${db.role}'`)
    } else if (what === 1) {
      await ingest[Symbol.asyncDispose]()
      // Enough WAL for a bulk pull.
      if (random(2) === 0)
        await db.sql(
          `SELECT count(pg_logical_emit_message(false, 'pad', repeat('x', 1000000))) FROM generate_series(1, 10)`,
        )
      // Meanwhile the schema changes, too.
      await delay(random(1000))
      ingest = new IngestUnderTest(db)
    }
  }
  over.abort()
  await Promise.all([...work, changing])
  for (const connection of connections) await connection.close()
  await using last = ingest
  await last.thread.ready
  // What was committed asynchronously is flushed with this commit. One that has written nothing would not be flushed either.
  await db.sql(`SELECT pg_logical_emit_message(true, '', '')`)
  await last.caughtUp()
  return { written, decoded: decodeLog(db.dir, last.head), ddl }
}

interface Judged {
  readonly wrong: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

function judge({ written, decoded }: Story): Judged {
  const wrong: string[] = []
  const ended = new Set<string>()
  const reasons = new Map<string, number>()
  const rows = new Map<string, Decoded & { tag: 'row' }>()
  for (const event of decoded) {
    if (event.tag === 'undecoded') wrong.push(event.why)
    if (event.tag === 'gap') {
      const xid = /transaction (\d+) has written: (.*) at about/.exec(event.reason)
      if (xid === null) continue
      reasons.set(xid[2] ?? '', (reasons.get(xid[2] ?? '') ?? 0) + 1)
      for (const relid of event.relids ?? []) ended.add(`${relid} ${xid[1]}`)
    }
    if (event.tag !== 'row') continue
    const id = `${event.relid} ${event.row['id']}`
    if (rows.has(id)) wrong.push(`row ${id} came twice`)
    rows.set(id, event)
  }
  let missing = 0
  for (const truth of written) {
    const row = rows.get(`${truth.relid} ${truth.id}`)
    if (row !== undefined) {
      const difference = compare(truth, row)
      if (difference !== undefined) wrong.push(`${difference}: ${JSON.stringify(truth)} came as ${JSON.stringify(row)}`)
    } else if (ended.has(`${truth.relid} ${truth.xid}`)) missing += 1
    else wrong.push(`row ${JSON.stringify(truth)} is missing`)
  }
  return { wrong, counts: { rows: rows.size, left_out: missing, ended: ended.size, ...Object.fromEntries(reasons) } }
}

function compare(truth: Written, came: Decoded & { tag: 'row' }): string | undefined {
  if (truth.name !== came.name) return 'name'
  if (truth.key.join() !== came.key.join()) return 'key'
  const names = Object.keys(truth.row)
  if (names.toSorted().join() !== Object.keys(came.row).toSorted().join()) return 'columns'
  for (const name of names) if (!isAlike(truth.row[name], came.row[name])) return `column ${name}`
  return undefined
}

/**
 * Attributes of a composite value may have got other names since, or be gone, and new ones are null. A value says which attribute it
 * is of: it is not under the name of another.
 */
function isAlike(truth: unknown, came: unknown): boolean {
  if (Array.isArray(truth)) return Array.isArray(came) && truth.every((value, i) => isAlike(value, came[i]))
  if (typeof truth !== 'object' || truth === null) return JSON.stringify(truth) === JSON.stringify(came)
  if (typeof came !== 'object' || came === null) return false
  const was = truth as Record<string, unknown>
  const is = came as Record<string, unknown>
  const values = Object.values(was).map((value) => JSON.stringify(value))
  return Object.entries(is).every(([name, value]) => {
    if (name in was) return isAlike(was[name], value)
    // A new attribute, or another name.
    return value === null || values.includes(JSON.stringify(value))
  })
}
