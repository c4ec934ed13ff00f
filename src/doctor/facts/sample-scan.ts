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

/** `secondsPerByte`: undefined if no row could be read. */
interface Read {
  readonly bytes: number
  readonly secondsPerByte: number | undefined
  readonly why: string | undefined
}

/** The connection must have no open transaction. */
export async function sampleScans(
  connection: RawConnection,
  tables: readonly TableFacts[],
): Promise<readonly TableFacts[]> {
  const sized: { readonly table: TableFacts; readonly sizes: ReadonlyMap<number, Size> | string; bytes: number }[] = []
  for (const table of tables) {
    const sizes = await sizesOf(connection, table)
    const bytes = typeof sizes === 'string' ? 0 : [...sizes.values()].reduce((sum, { all }) => sum + all, 0)
    sized.push({ table, sizes, bytes })
  }
  const reads = new Map<TableFacts, Read>()
  for (const { table, sizes, bytes } of sized.toSorted((a, b) => b.bytes - a.bytes).slice(0, mostSamples))
    if (typeof sizes !== 'string') reads.set(table, { bytes, ...(await readLargest(connection, table, sizes)) })
  const speeds = [...reads.values()].flatMap(({ secondsPerByte }) => secondsPerByte ?? [])
  const usual = speeds.length === 0 ? undefined : speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length
  return sized.map(({ table, sizes, bytes }) => ({ ...table, sample: sampleOf(sizes, bytes, reads.get(table), usual) }))
}

function sampleOf(
  sizes: ReadonlyMap<number, Size> | string,
  bytes: number,
  read: Read | undefined,
  usual: number | undefined,
): Sample {
  if (typeof sizes === 'string') return { bytes, seconds: undefined, why: sizes }
  const speed = read === undefined ? usual : read.secondsPerByte
  return { bytes, seconds: bytes === 0 ? 0 : speed === undefined ? undefined : speed * bytes, why: read?.why }
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
): Promise<Omit<Read, 'bytes'>> {
  const [heap] = heapsOf(table)
    .filter(({ kind, mayRead, rowSecurity }) => kind === 'r' && mayRead && !rowSecurity)
    .toSorted((a, b) => (sizes.get(b.relid)?.all ?? 0) - (sizes.get(a.relid)?.all ?? 0))
  const size = sizes.get(heap?.relid ?? 0)
  if (heap === undefined || size === undefined || size.main === 0) return { secondsPerByte: undefined, why: undefined }
  const pages = Math.max(1, Math.min(mostPages, Math.floor((sampleBytes / size.all) * (size.main / pageBytes))))
  const seconds = await unlessRefused(() => inReadOnly(connection, () => readPages(connection, heap, pages)))
  if (typeof seconds === 'string') return { secondsPerByte: undefined, why: seconds }
  const part = Math.min(1, (pages * pageBytes) / size.main)
  return { secondsPerByte: seconds / part / size.all, why: undefined }
}

async function readPages(connection: RawConnection, heap: HeapFact, pages: number): Promise<number> {
  const name = `${quoteName(heap.schema)}.${quoteName(heap.name)}`
  const startedAt = performance.now()
  await connection.copyOut(`COPY (SELECT * FROM ONLY ${name} WHERE ctid < '(${pages},0)') TO STDOUT`, {
    data: () => undefined,
  })
  return (performance.now() - startedAt) / 1000
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
