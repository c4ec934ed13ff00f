// The rows that a schema change of a written log has left, as lines: a scan that is given the rows of its cut.

import type { Hlc } from '../../src/core/hlc.ts'
import { kind, RowView } from '../../src/core/row-view.ts'
import type { Encoder } from '../../src/encode/encoder.ts'
import type { ScanTable } from '../../src/scan/table-facts.ts'
import { openOutput } from '../../src/feed/output/open-output.ts'
import { RowsAtChange } from '../../src/feed/scan/rows-at-change.ts'
import { relid, type TableLook, type WrittenLog } from './written-log.ts'

/** Values by the names that columns have at the cut. */
export type NamedRow = Readonly<Record<string, string | null>>

export class ScanAtChange implements Disposable {
  readonly lines: string[] = []
  readonly leftOut: Hlc[] = []
  readonly #files: WrittenLog
  readonly #rows: RowsAtChange
  readonly #stash
  readonly #out

  constructor(
    files: WrittenLog,
    at: Hlc,
    { diff = true, maxBytes }: { readonly diff?: boolean | undefined; readonly maxBytes?: number | undefined } = {},
  ) {
    this.#files = files
    const encoder: Encoder = {
      prepare: () => 0,
      prepareResolved: () => undefined,
      encodeKey: () => undefined,
      encodeValue: ({ relation, after, before }) => {
        const old = diff ? ` <- ${textOf(before, before?.relation?.columns)}` : ''
        this.lines.push(`${textOf(after, relation.columns)}${old}`)
        return true
      },
      encodeResolved: () => undefined,
    }
    const { signal } = new AbortController()
    this.#stash = openOutput({ encoder, signal, emitBatch: async () => undefined })
    this.#out = openOutput({ encoder, signal, emitBatch: async () => undefined })
    this.#rows = new RowsAtChange({
      log: files.log,
      tables: [{ relid, topic: 't', tableName: 't' }],
      topics: new Map([[relid, 0]]),
      at,
      known: undefined,
      diff,
      stash: this.#stash,
      emitStash: async () => this.#stash.messages.batch.clear(),
      leftOut: (_, since) => this.leftOut.push(since),
      yieldThread: async () => undefined,
      signal,
      maxBytes,
    })
  }

  async read(now: TableLook, rows: readonly NamedRow[]): Promise<void> {
    const table: ScanTable = { description: now.description, pages: 1, file: 'f' }
    await this.#rows.readTo({ time: this.#files.now, tables: new Map([[relid, table]]) })
    const selection = this.#rows.selection(table)
    if (selection === undefined) return
    for (const values of rows) {
      const row = viewOf(selection.names.map((name) => values[name] ?? null))
      row.relation = selection.relation
      row.count = selection.relation.columns.length
      if (this.#rows.isAsOf(selection.relation, row)) this.#rows.write(this.#out.changes, selection.relation, 0, row)
    }
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]()
  }
}

function textOf(row: RowView | undefined, columns: readonly { readonly name: string }[] | undefined): string {
  if (row === undefined) return 'none'
  const value = (i: number): string =>
    row.kinds[i] === kind.null ? 'NULL' : row.bytes.toString('latin1', row.starts[i], row.ends[i])
  return (columns ?? []).map(({ name }, i) => `${name}=${value(i)}`).join(' ')
}

function viewOf(values: readonly (string | null)[]): RowView {
  const row = new RowView()
  row.reset(values.length)
  row.bytes = Buffer.from(values.join(''))
  let at = 0
  for (const [i, value] of values.entries()) {
    row.kinds[i] = value === null ? kind.null : kind.text
    row.starts[i] = at
    at += value?.length ?? 0
    row.ends[i] = at
  }
  return row
}
