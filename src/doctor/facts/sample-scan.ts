// Reads the sizes of tables, and a few megabytes of the largest ones as an initial scan does, to say how long the scan takes.

import { quoteName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { heapsOf } from '../heaps.ts'
import type { HeapFact, Sample, TableFacts } from './read-tables.ts'

const pageBytes = 8192
const sampleBytes = 8 * 1024 * 1024
const mostPages = 512
/** Of the other tables the speed is that of these. */
const mostSamples = 10
/** Shorter than any application would notice. */
const limits = `SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '3s'`

interface Size {
  /** With out-of-line values. */
  readonly all: number
  readonly main: number
}

/** What a byte of the table takes and holds. */
interface Speed {
  readonly seconds: number
  readonly rows: number
}

/** A text: why no row could be read; undefined: our role may not read them. */
type Read = Speed | string | undefined

/** The connection must have no open transaction. */
export async function sampleScans(
  connection: RawConnection,
  tables: readonly TableFacts[],
): Promise<readonly TableFacts[]> {
  const sized: {
    readonly table: TableFacts
    readonly sizes: ReadonlyMap<number, Size> | string
    readonly bytes: number
  }[] = []
  for (const table of tables) {
    const sizes = await sizesOf(connection, table)
    const bytes = typeof sizes === 'string' ? 0 : [...sizes.values()].reduce((sum, { all }) => sum + all, 0)
    sized.push({ table, sizes, bytes })
  }
  const reads = new Map<TableFacts, Read>()
  for (const { table, sizes } of sized.toSorted((a, b) => b.bytes - a.bytes).slice(0, mostSamples))
    if (typeof sizes !== 'string') reads.set(table, await readLargest(connection, table, sizes))
  const usual = averageOf([...reads.values()].filter((read) => typeof read === 'object'))
  return sized.map(({ table, sizes, bytes }) => {
    const read = typeof sizes === 'string' ? sizes : reads.has(table) ? reads.get(table) : usual
    return { ...table, sample: sampleOf(bytes, read) }
  })
}

function averageOf(speeds: readonly Speed[]): Speed | undefined {
  if (speeds.length === 0) return undefined
  // How many rows the other tables have is not known from these.
  return { seconds: speeds.reduce((sum, { seconds }) => sum + seconds, 0) / speeds.length, rows: Number.NaN }
}

function sampleOf(bytes: number, read: Read): Sample {
  if (typeof read === 'string') return { bytes, seconds: undefined, rows: undefined, why: read }
  const rows = read === undefined || Number.isNaN(read.rows) ? undefined : Math.round(read.rows * bytes)
  return { bytes, seconds: read && read.seconds * bytes, rows, why: undefined }
}

/** By oid; a text: why they cannot be read. */
async function sizesOf(connection: RawConnection, table: TableFacts): Promise<ReadonlyMap<number, Size> | string> {
  const relids = heapsOf(table)
    .filter(({ kind }) => kind === 'r')
    .map(({ relid }) => relid)
  return await unlessRefused(async () => {
    const rows = await inReadOnly(connection, () =>
      connection.query(
        `SELECT oid::text, pg_table_size(oid)::text, pg_relation_size(oid)::text FROM pg_class WHERE oid = ANY ('{${relids.join()}}'::oid[])`,
      ),
    )
    return new Map(rows.map(([oid, all, main]) => [Number(oid), { all: Number(all), main: Number(main) }]))
  })
}

async function readLargest(
  connection: RawConnection,
  table: TableFacts,
  sizes: ReadonlyMap<number, Size>,
): Promise<Read> {
  const [heap] = heapsOf(table)
    .filter(({ kind, mayRead, rowSecurity }) => kind === 'r' && mayRead && !rowSecurity)
    .toSorted((a, b) => (sizes.get(b.relid)?.all ?? 0) - (sizes.get(a.relid)?.all ?? 0))
  const size = sizes.get(heap?.relid ?? 0)
  if (heap === undefined || size === undefined) return undefined
  if (size.main === 0) return { seconds: 0, rows: 0 }
  const pages = Math.max(1, Math.min(mostPages, Math.floor((sampleBytes / size.all) * (size.main / pageBytes))))
  const read = await unlessRefused(() => inReadOnly(connection, () => readPages(connection, heap, pages)))
  if (typeof read === 'string') return read
  const bytes = Math.min(1, (pages * pageBytes) / size.main) * size.all
  return { seconds: read.seconds / bytes, rows: read.rows / bytes }
}

async function readPages(connection: RawConnection, heap: HeapFact, pages: number): Promise<Speed> {
  const name = `${quoteName(heap.schema)}.${quoteName(heap.name)}`
  const startedAt = performance.now()
  let rows = 0
  await connection.copyOut(`COPY (SELECT * FROM ONLY ${name} WHERE ctid < '(${pages},0)') TO STDOUT`, {
    data: () => {
      rows += 1
    },
  })
  return { seconds: (performance.now() - startedAt) / 1000, rows }
}

/** Returns what PostgreSQL says when it refuses: the table is locked, or was dropped. */
async function unlessRefused<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') throw error
    return error.message
  }
}

async function inReadOnly<T>(connection: RawConnection, work: () => Promise<T>): Promise<T> {
  await connection.query(`BEGIN READ ONLY; ${limits}`)
  try {
    return await work()
  } finally {
    await connection.query('ROLLBACK')
  }
}
