// Decides whether the rows of a scan are encoded in several threads, and finds these.

import type { ScanTable } from '../../../scan/table-facts.ts'
import type { Hlc } from '../../../core/hlc.ts'
import type { OpenTables } from '../../../scan/cut.ts'
import type { FeedRun } from '../../feed-run.ts'
import type { RowsAsOf } from '../rows-as-of.ts'
import { EncodeThreads } from './encode-threads.ts'
import { PieceEncoder } from './piece-encoder.ts'
import { hasEnoughPages } from './when-to-split.ts'

/** The encoders of other formats ask a schema registry, or are asked for the columns of a schema by the sink. */
const splitFormat = 'json'

export interface SplitOptions {
  readonly run: Pick<FeedRun, 'spec' | 'encodePorts' | 'say'>
  readonly cut: Pick<OpenTables, 'text'>
  readonly at: Hlc
  readonly rows: RowsAsOf | undefined
  /** The tables that are read. */
  readonly tables: Iterable<ScanTable>
}

/** Returns undefined if all rows are encoded in the thread of the feed. */
export async function openEncodeThreads({
  run: { spec, encodePorts, say },
  cut,
  at,
  rows,
  tables,
}: SplitOptions): Promise<EncodeThreads | undefined> {
  // Which rows are as of a time is known in this thread only, and so is the encoding of the source.
  if (encodePorts === undefined || rows !== undefined || cut.text !== undefined) return undefined
  if (spec.format !== splitFormat) return undefined
  let pages = 0
  for (const table of tables) pages += table.pages
  if (!hasEnoughPages(pages)) return undefined
  const ports = await encodePorts()
  if (ports.length === 0) return undefined
  say?.(`the rows of the scan (${pages} pages) are encoded in ${ports.length + 1} threads`)
  return new EncodeThreads({ ports, spec, at, own: await PieceEncoder.open(spec, at) })
}
