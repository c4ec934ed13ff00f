// Reads a few megabytes of a table, as an initial scan does, to say how long the scan takes.

import { FeedError } from '../../errors/feed-error.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { quoteName } from '../../core/quote.ts'
import type { HeapFact, Sample, TableFacts } from './read-tables.ts'

const pageBytes = 8192
const sampleBytes = 8 * 1024 * 1024
const mostPages = 512
/** Shorter than any application would notice. */
const limits = `SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '5s'`

/** The connection must have no open transaction. */
export async function sampleScan(connection: RawConnection, table: TableFacts): Promise<Sample> {
  const heaps = table.leaves.length > 0 ? table.leaves : [table]
  try {
    const relids = heaps.map(({ relid }) => relid).join()
    const rows = await inReadOnly(connection, () =>
      connection.query(
        `SELECT pg_table_size(c.oid)::text, pg_relation_size(c.oid)::text FROM pg_class c WHERE c.oid = ANY ('{${relids}}'::oid[]) ORDER BY array_position('{${relids}}'::oid[], c.oid)`,
      ),
    )
    const sizes = rows.map(([all, main]) => ({ all: Number(all), main: Number(main) }))
    const bytes = sizes.reduce((sum, { all }) => sum + all, 0)
    const largest = sizes.reduce((most, { all }, i) => (all > (sizes[most]?.all ?? 0) ? i : most), 0)
    const heap = heaps[largest]
    const size = sizes[largest]
    if (heap === undefined || size === undefined || size.main === 0) return { bytes, seconds: 0, why: undefined }
    if (!heap.mayRead || heap.rowSecurity || heap.kind !== 'r') return { bytes, seconds: undefined, why: undefined }
    const pages = Math.max(1, Math.min(mostPages, Math.floor((sampleBytes / size.all) * (size.main / pageBytes))))
    const seconds = await inReadOnly(connection, () => readPages(connection, heap, pages))
    const part = Math.min(1, (pages * pageBytes) / size.main)
    return { bytes, seconds: (seconds / part) * (bytes / size.all), why: undefined }
  } catch (error) {
    if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') throw error
    return { bytes: 0, seconds: undefined, why: error.message }
  }
}

async function readPages(connection: RawConnection, heap: HeapFact, pages: number): Promise<number> {
  const name = `${quoteName(heap.schema)}.${quoteName(heap.name)}`
  const startedAt = performance.now()
  await connection.copyOut(`COPY (SELECT * FROM ONLY ${name} WHERE ctid < '(${pages},0)') TO STDOUT`, {
    data: () => undefined,
  })
  return (performance.now() - startedAt) / 1000
}

async function inReadOnly<T>(connection: RawConnection, work: () => Promise<T>): Promise<T> {
  await connection.query(`BEGIN READ ONLY; ${limits}`)
  try {
    return await work()
  } finally {
    await connection.query('ROLLBACK')
  }
}
