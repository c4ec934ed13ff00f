// For tests of ingest: writers of a table, and what the log must be like, whatever they write.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, formatHlc } from '../../src/core/hlc.ts'
import type { RawConnection } from '../../src/postgres/raw-connection.ts'
import type { TestDatabase } from './postgres-under-test.ts'
import type { LogEvent } from './read-log.ts'
import { within } from './until.ts'
import { watchTables } from '../../src/ingest/watch.ts'

export async function watched(db: TestDatabase, table: string): Promise<number> {
  await db.sql(`CREATE TABLE ${table} (id text PRIMARY KEY, filler text)`)
  return watch(db, table)
}

export async function watch(db: TestDatabase, table: string): Promise<number> {
  const relid = Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
  await watchTables(db.source, [{ relid }])
  return relid
}

export const inserted = (events: readonly LogEvent[]): string[] =>
  events.flatMap((event) => (event.tag === 'transaction' ? event.rows.map(({ first }) => first) : []))

export async function ids(db: TestDatabase, table: string): Promise<string[]> {
  return (await db.sql(`SELECT id FROM ${table} ORDER BY id`)).map(([id]) => String(id))
}

/** The promises of the log's order, of its timestamps, and of every closed record in it. */
export function checkOrder(events: readonly LogEvent[]): { transactions: number; closed: number } {
  let last: { ts: { wall: bigint; logical: number }; commitLsn: bigint; endLsn: bigint } | undefined
  let closed: Extract<LogEvent, { tag: 'closed' }> | undefined
  let transactions = 0
  let count = 0
  for (const event of events) {
    if (event.tag === 'gap') continue
    if (event.tag === 'transaction') {
      transactions += 1
      if (last !== undefined) {
        assert.ok(
          compareHlc(event.ts, last.ts) > 0,
          `timestamps grow: ${formatHlc(event.ts)} after ${formatHlc(last.ts)}`,
        )
        assert.ok(event.commitLsn >= last.endLsn, 'commits come in the order of the WAL')
      }
      if (closed !== undefined) {
        assert.ok(compareHlc(event.ts, closed.ts) > 0, 'nothing comes at or below a closed timestamp')
        assert.ok(event.commitLsn >= closed.lsn, 'no commit before the position of a closed record comes behind it')
      }
      last = event
    } else {
      count += 1
      if (last !== undefined) assert.ok(compareHlc(event.ts, last.ts) >= 0, 'a closed timestamp covers what came')
      if (closed !== undefined)
        assert.ok(compareHlc(event.ts, closed.ts) >= 0 && event.lsn >= closed.lsn, 'closed records grow')
      closed = event
    }
  }
  return { transactions, closed: count }
}

export interface Writers extends AsyncDisposable {
  /** Settles when so many more transactions have been committed. */
  committed(more: number): Promise<void>
  stop(): Promise<void>
}

/** Writers of all kinds on `table` until stopped: small and large transactions, savepoints, rollbacks. */
export function startWriters(db: TestDatabase, table: string, count: number, seed: number): Writers {
  let isStopping = false
  let committed = 0
  const work = async (writer: number): Promise<void> => {
    let connection: RawConnection | undefined
    let state = seed * 1000 + writer
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    for (let n = 0; !isStopping; n++) {
      const id = `${seed}-${writer}-${n}`
      const insert = (suffix: string, rows = 1): string =>
        `INSERT INTO ${table} SELECT '${id}-${suffix}' || g, repeat('f', ${random(200)}) FROM generate_series(1, ${rows}) g`
      try {
        connection ??= await db.connect()
        const kind = random(20)
        if (kind === 0) await connection.query(`BEGIN; ${insert('rolled')}; ROLLBACK`)
        else if (kind === 1)
          await connection.query(
            `BEGIN; ${insert('a')}; SAVEPOINT s; ${insert('lost')}; ROLLBACK TO s; ${insert('b')}; COMMIT`,
          )
        else if (kind === 2) await connection.query(insert('many', 2000))
        else if (kind === 3) {
          await connection.query(`BEGIN; ${insert('slow')}`)
          // The transaction is open for a while, so that others commit in it.
          await delay(random(40))
          await connection.query('COMMIT')
        } else await connection.query(insert('one'))
        committed += 1
      } catch {
        // The server went away under it: whether the last one is committed is for the table to say.
        connection?.destroy()
        connection = undefined
        // It is tried again until the server is back.
        await delay(20)
      }
    }
    await connection?.close()
  }
  const all = Array.from({ length: count }, (_, writer) => work(writer))
  const stop = async (): Promise<void> => {
    isStopping = true
    await Promise.all(all)
  }
  const more = (count: number): Promise<void> => {
    const wanted = committed + count
    return within(60_000, `${count} more transactions`, () => committed >= wanted)
  }
  return { stop, committed: more, [Symbol.asyncDispose]: stop }
}
