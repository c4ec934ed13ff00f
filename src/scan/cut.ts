// An exact cut through a source: a snapshot and the WAL position it stands for. Commits before the position are in the
// snapshot, later ones will be streamed; nothing is in both or in neither.
//
// It comes from a temporary logical slot, whose creation waits for the write transactions that are open. A DDL that
// rewrites a table is not bound by snapshots: such a table would look empty. So the tables' descriptions and files are
// compared from before the slot to after they are locked; when they differ the cut is made again.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import type { TableDescription } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import { explainWait } from '../postgres/explain-wait.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'

const attempts = 10

export interface Cut extends AsyncDisposable {
  readonly point: Lsn
  readonly tables: ReadonlyMap<number, ScanTable>
  /** Inside transactions that see the snapshot and hold the tables. */
  readonly readers: readonly RawConnection[]
}

export interface ScanTable {
  readonly description: TableDescription
  /** Size in pages of 8 KiB, taken after the snapshot. */
  readonly pages: number
  /** Another after each rewrite. */
  readonly file: string
}

export interface CutOptions {
  readonly source: SourceConnection
  readonly relids: readonly number[]
  readonly connections: number
  readonly signal: AbortSignal
  /** Hears, now and then, what the cut waits for. */
  readonly waiting?: ((why: string) => void) | undefined
}

export async function openCut(options: CutOptions): Promise<Cut> {
  for (let attempt = 1; ; attempt++) {
    const cut = await tryCut(options)
    if (cut !== undefined) return cut
    if (attempt === attempts) {
      throw new FeedError(
        'FEED_SOURCE_REFUSED',
        `the tables changed during each of ${attempts} attempts to start their scan`,
        {
          hint: 'start the changefeed when no ALTER TABLE runs on them',
        },
      )
    }
    await delay(50 * attempt, undefined, { signal: options.signal })
  }
}

/** Undefined: a DDL came in between. */
async function tryCut({ source, relids, connections, signal, waiting }: CutOptions): Promise<Cut | undefined> {
  const open: RawConnection[] = []
  // A backend that waits for a transaction or a lock does not notice that we are gone, and would keep its slot.
  const destroy = (): void => {
    for (const connection of open) {
      void connection.cancel()
      connection.destroy()
    }
  }
  signal.addEventListener('abort', destroy)
  try {
    const connect = async (replication: boolean): Promise<RawConnection> => {
      const connection = await openRawConnection({ source, replication, readBufferBytes: 512 * 1024 })
      open.push(connection)
      signal.throwIfAborted()
      return connection
    }
    const control = await connect(false)
    const before = await readFacts(control, relids)
    const replication = await connect(true)
    const name = `pg_changefeed_cut_${randomBytes(6).toString('hex')}`
    const explained = explainWait(control, replication, (why) => waiting?.(why))
    const [created] = await replication
      .query(`CREATE_REPLICATION_SLOT "${name}" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')`)
      .finally(explained)
    const point = created?.[1]
    const snapshot = created?.[2]
    if (point == null || snapshot == null)
      throw new FeedError('FEED_PROTOCOL', 'CREATE_REPLICATION_SLOT gave no snapshot')

    const readers: RawConnection[] = []
    for (let i = 0; i < connections; i++) {
      const reader = await connect(false)
      readers.push(reader)
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      await reader.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`)
      for (const { description } of before.values()) {
        await reader.query(`LOCK TABLE ONLY ${qualified(description)} IN ACCESS SHARE MODE`)
      }
    }
    const after = await readFacts(control, relids)
    if (relids.some((relid) => before.get(relid)?.fingerprint !== after.get(relid)?.fingerprint)) {
      destroy()
      return undefined
    }
    await replication.close()
    await control.close()
    const tables = new Map(
      [...after].map(([relid, { description, pages, file }]) => [relid, { description, pages, file }]),
    )
    return {
      point: parseLsn(point),
      tables,
      readers,
      async [Symbol.asyncDispose](): Promise<void> {
        signal.removeEventListener('abort', destroy)
        await Promise.all(readers.map((reader) => reader.close()))
      },
    }
  } catch (error) {
    signal.removeEventListener('abort', destroy)
    destroy()
    signal.throwIfAborted()
    throw error
  }
}

interface Facts extends ScanTable {
  /** Equal as long as no DDL has touched the table. */
  readonly fingerprint: string
}

async function readFacts(control: RawConnection, relids: readonly number[]): Promise<Map<number, Facts>> {
  const rows = await control.query(
    `SELECT oid::text, changefeed.describe(oid)::text, pg_relation_filenode(oid)::text, (pg_relation_size(oid) / current_setting('block_size')::int)::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  const facts = new Map<number, Facts>()
  for (const [oid, description, file, pages] of rows) {
    facts.set(Number(oid), {
      description: JSON.parse(description ?? '') as TableDescription,
      pages: Number(pages),
      file: file ?? '',
      fingerprint: `${file} ${description}`,
    })
  }
  for (const relid of relids) {
    if (!facts.has(relid))
      throw new FeedError('FEED_DROPPED', `the table with oid ${relid} was dropped before its scan`)
  }
  return facts
}

export function qualified({ schema, name }: TableDescription): string {
  return `${quoted(schema)}.${quoted(name)}`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
