// Reads the rows of a cut with COPY, in ranges of pages, over several connections in parallel. A consumer gets each row as
// a view and decides after each piece of the stream whether reading waits. The rows of one connection arrive in order, those
// of several connections interleave, and each row arrives exactly once. The room knows neither messages nor sinks.

import type { CopyShape } from '../core/copy-run.ts'
import { quoteName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { ServerText } from '../postgres/server-text.ts'
import { planChunks, type Chunk } from './chunks.ts'
import type { OpenTables } from './cut.ts'
import { LineConverter } from './convert-line.ts'
import { CopiedRows, type RowTaker } from './copied-rows.ts'
import type { Selection } from './selection.ts'
import { KeptLines } from './kept-lines.ts'
import type { TypeCheck } from './type-check.ts'
import { unreadable } from './unreadable.ts'
import { qualified, type ScanTable } from './table-facts.ts'

/** Rows are valid during the call. */
export interface ScanConsumer extends RowTaker {
  /** Takes whole messages of COPY, which it has encoded elsewhere; undefined: it does not. `bytes` are valid during the call. */
  readonly run?: ((shape: CopyShape, bytes: Buffer, start: number, end: number) => void) | undefined
  /** Called after each piece of the stream; reading continues when the promise settles. */
  pieceDone(): void | Promise<void>
  /** Called when all rows of a range of pages have been read. */
  chunkDone(relid: number, chunk: Chunk): void | Promise<void>
}

export interface ScanOptions {
  readonly cut: OpenTables
  /** The columns to read of a table; undefined: its rows are not read. */
  readonly selection: (table: ScanTable) => Selection | undefined
  /** The pages of a range. */
  readonly chunkPages?: number
  /** Whether to read the commit time of each row's version, in µs since the Unix epoch. It is unknown for old rows, and without track_commit_timestamp. */
  readonly commitTimes: boolean
  /** Returns whether an earlier scan has read this range of pages already. */
  readonly isDone: (relid: number, chunk: Chunk) => boolean
  /** One consumer for each connection of the cut. */
  readonly consumers: readonly ScanConsumer[]
}

interface Task extends Selection {
  /** The table that is read. The relation is that of its partitioned table if it is read as a leaf. */
  readonly relid: number
  readonly from: string
  readonly chunk: Chunk
  /** Whether the rows of a small table are read in the order of their keys, which a user who reads them expects. */
  readonly inKeyOrder: boolean
}

/** 256 KiB. */
const smallPages = 32
/** Without track_commit_timestamp PostgreSQL knows no commit time, and refuses to be asked. */
const commitMicrosColumn = `(CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000 END)::bigint`

export async function scan({ cut, selection, chunkPages, commitTimes, isDone, consumers }: ScanOptions): Promise<void> {
  const tasks: Task[] = []
  for (const table of cut.tables.values()) {
    const selected = selection(table)
    if (selected === undefined) continue
    const { description, pages } = table
    for (const chunk of planChunks(pages, chunkPages)) {
      if (!isDone(description.relid, chunk))
        tasks.push({
          ...selected,
          relid: description.relid,
          from: qualified(description),
          chunk,
          inKeyOrder: pages <= smallPages,
        })
    }
  }
  let next = 0
  const work = async (connection: RawConnection, consumer: ScanConsumer): Promise<void> => {
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
      const types = cut.types.isNeeded(task.relation.relid) ? cut.types : undefined
      await copy(connection, task, { text: cut.text, types, commitTimes, consumer })
      await consumer.chunkDone(task.relid, task.chunk)
    }
  }
  await Promise.all(cut.readers.map((connection, i) => work(connection, consumers[i] as ScanConsumer)))
}

interface CopyOptions {
  readonly text: ServerText | undefined
  /** The rows are kept until it is known that no type was changed while they were read. */
  readonly types: TypeCheck | undefined
  readonly commitTimes: boolean
  readonly consumer: ScanConsumer
}

async function copy(
  connection: RawConnection,
  task: Task,
  { text, types, commitTimes, consumer }: CopyOptions,
): Promise<void> {
  const { relation, names } = task
  const shape = { relation, sent: commitTimes ? names.length + 1 : names.length, commitTimes }
  const rows = new CopiedRows(shape, consumer)
  let failure: unknown
  const guard =
    (take: (bytes: Buffer, start: number, end: number) => void) =>
    (bytes: Buffer, start: number, end: number): void => {
      if (failure !== undefined) return
      try {
        take(bytes, start, end)
      } catch (error) {
        failure = error
        connection.destroy()
      }
    }
  const line = guard((bytes, start, end) => rows.line(bytes, start, end))
  const kept = types && new KeptLines(line)
  const taken = kept === undefined ? line : kept.keep
  const converter = text && new LineConverter(text, taken)
  const data = converter === undefined ? taken : converter.convert
  const run = kept === undefined && converter === undefined ? guard(runOf(rows, task, shape, consumer)) : undefined
  const sql = `${copySql(task, commitTimes)}${converter === undefined ? '' : ` (ENCODING 'SQL_ASCII')`}`
  try {
    await connection.copyOut(sql, { data, chunkDone: () => consumer.pieceDone(), ...(run && { run }) })
    if (kept !== undefined) {
      await types?.check(relation.relid)
      await kept.give(() => consumer.pieceDone())
    }
  } catch (error) {
    throw failure ?? unreadable(error, task.from, task.chunk) ?? error
  }
  if (failure !== undefined) throw failure
  await consumer.pieceDone()
}

/** Rows in the order of their keys are taken one by one, because whoever takes runs may take them side by side. */
function runOf(
  rows: CopiedRows,
  { inKeyOrder }: Task,
  shape: CopyShape,
  consumer: ScanConsumer,
): (bytes: Buffer, start: number, end: number) => void {
  if (consumer.run === undefined || inKeyOrder) return (bytes, start, end) => rows.run(bytes, start, end)
  return (bytes, start, end) => consumer.run?.(shape, bytes, start, end)
}

function copySql({ relation, names, from, chunk, inKeyOrder }: Task, commitTimes: boolean): string {
  if (names.length === 0) throw new FeedError('FEED_TARGET', `table ${from} has no columns`)
  const list = names.map(quoteName)
  const key = relation.keyIndexes.map((index) => list[index] ?? '')
  if (commitTimes) list.push(commitMicrosColumn)
  const bounds = [`ctid >= '(${chunk.from},0)'`]
  if (chunk.to !== undefined) bounds.push(`ctid < '(${chunk.to},0)'`)
  const order = inKeyOrder && key.length > 0 ? ` ORDER BY ${key.join(', ')}` : ''
  return `COPY (SELECT ${list.join(', ')} FROM ONLY ${from} WHERE ${bounds.join(' AND ')}${order}) TO STDOUT`
}
