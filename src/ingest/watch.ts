// Takes tables under watch: their changes are published from one exact point on, and their descriptions are in the log
// before their first rows. A lock waits for the transactions that write to a table and holds off new ones, for
// milliseconds: without it rows of open transactions would leak in or out. A table already watched costs no lock.
//
// Where a DBA has prepared the source, watching is checking (prepared/watch-prepared.ts).
//
// Many tables are taken in batches, each a transaction of its own that holds a bounded number of locks for a short time.

import { onAbort } from '../async/or-abort.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { Hlc } from '../core/hlc.ts'
import { isLocked } from '../postgres/table-locks.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { notAsWanted, watchedSince } from './already-watched.ts'
import { explainDdl } from '../source-schema/explain-ddl.ts'
import { readySource } from '../source-schema/source-mode.ts'
import { checkOwnRights } from './own-rights.ts'
import { watchPrepared } from './prepared/watch-prepared.ts'
import { watchBatch, type TableToWatch } from './watch-batch.ts'
import { patiently, watchOne, type WatchOptions } from './watch-one.ts'
import { watchPartitioned } from './watch-partitioned.ts'
import { turnOf } from './watch-turn.ts'

/** How many tables are locked at a time. */
const batchTables = 32
/** How long to wait until ingest, which checks every few seconds, has written a gap into the log. */
const lossReport = { everyMs: 100, withinMs: 15_000 }
const progressMs = { first: 1500, again: 5000 }

/** Returns since when each table has been watched; undefined: that is not known any more. */
export async function watchTables(
  source: SourceConnection,
  tables: readonly TableToWatch[],
  options: WatchOptions = {},
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  const { signal, progress } = options
  if (tables.length === 0) return new Map()
  signal?.throwIfAborted()
  const connection = await openRawConnection({ source })
  // A backend that waits for a lock does not notice that its client is gone.
  using _leaving = onAbort(signal, () => {
    void connection.cancel()
    connection.destroy()
  })
  try {
    signal?.throwIfAborted()
    const targets = tables.filter(({ leafOf }) => leafOf === undefined)
    if ((await readySource(connection, source)) === 'prepared') {
      const full = new Set(tables.flatMap(({ relid, statements = [] }) => (statements.length > 0 ? [relid] : [])))
      return await watchPrepared(connection, targets, { full, ingest: options.ingest, signal, progress })
    }
    await checkOwnRights(
      connection,
      targets.map(({ relid }) => relid),
    )
    const roots = await partitionedAmong(connection, targets)
    let isLoss = await watchPlain(source, connection, {
      ...options,
      tables: targets.filter(({ relid }) => !roots.has(relid)),
    })
    for (const root of targets.filter(({ relid }) => roots.has(relid))) {
      if ((await notAsWanted(connection, [root])).length === 0) continue
      const since = Date.now()
      using _turn = await turnOf([root], options)
      if ((await notAsWanted(connection, [root])).length === 0) continue
      const work = watchPartitioned(root, {
        connection,
        leaves: tables.filter(({ leafOf }) => leafOf === root.relid),
        isLossReported: options.isLossReported ?? false,
        watchLeaves: (leaves) => watchPlain(source, connection, { ...options, tables: leaves }),
        patiently: (table, once) => patiently(source, connection, { ...options, since, table, work: once }),
      })
      isLoss = (await explainDdl('a table cannot be taken under watch', work)) || isLoss
    }
    if (isLoss) await lossIsReported(connection)
    return await watchedSince(connection, targets)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    await connection.close()
  }
}

async function partitionedAmong(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlySet<number>> {
  const rows = await connection.query(
    `SELECT oid::text FROM pg_class WHERE relkind = 'p' AND oid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  return new Set(rows.map(([relid]) => Number(relid)))
}

interface PlainOptions extends WatchOptions {
  readonly tables: readonly TableToWatch[]
}

/** Takes tables that have rows themselves. Returns whether changes of watched tables were not published until now. */
async function watchPlain(
  source: SourceConnection,
  connection: RawConnection,
  options: PlainOptions,
): Promise<boolean> {
  const { tables, progress } = options
  const wanted = await notAsWanted(connection, tables)
  if (wanted.length === 0) return false
  const since = Date.now()
  using _turn = await turnOf(wanted, options)
  // Whoever had the turn before has taken some of them.
  const missing = await notAsWanted(connection, wanted)
  const batches: (readonly TableToWatch[])[] = []
  for (let at = 0; at < missing.length; at += batchTables) batches.push(missing.slice(at, at + batchTables))
  batches.reverse()
  let isLoss = false
  let done = 0
  let reportAt = Date.now() + progressMs.first
  for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
    if (Date.now() > reportAt) {
      progress?.(`taking tables under watch, ${done} of ${missing.length} so far`)
      reportAt = Date.now() + progressMs.again
    }
    const tried = tryBatch(source, connection, batch, { ...options, since })
    const outcome = await explainDdl('a table cannot be taken under watch', tried)
    if (outcome === 'locked') {
      // Tables that are not locked need not wait for the locked ones.
      const half = Math.ceil(batch.length / 2)
      batches.push(batch.slice(half), batch.slice(0, half))
      continue
    }
    done += batch.length
    if (outcome === 'loss') isLoss = true
  }
  return isLoss
}

/** Waits until the gap is in the log: a feed that started before it would end there. */
async function lossIsReported(connection: RawConnection): Promise<void> {
  const deadline = Date.now() + lossReport.withinMs
  while (Date.now() < deadline) {
    const [row] = await connection.query('SELECT seen = token FROM changefeed.source')
    if (row?.[0] === 't') return
    await delay(lossReport.everyMs)
  }
}

type Outcome = 'watched' | 'loss' | 'locked'

async function tryBatch(
  source: SourceConnection,
  connection: RawConnection,
  batch: readonly TableToWatch[],
  options: WatchOptions & { readonly since: number },
): Promise<Outcome> {
  const [first, ...others] = batch
  if (first !== undefined && others.length === 0)
    return (await watchOne(source, connection, first, options)) ? 'loss' : 'watched'
  const { isLossReported = false } = options
  try {
    return (await watchBatch(connection, batch, { isWaiting: false, isLossReported })) ? 'loss' : 'watched'
  } catch (error) {
    await connection.query('ROLLBACK')
    if (!isLocked(error)) throw error
    return 'locked'
  }
}
