// One running statement. Each row that the driver delivers is printed at once and not kept, so that a changefeed without an end can be
// printed.

import type { Connection } from 'pg'
import { resultWriter, type DisplayFormat } from './display-format.ts'
import type { ResultWriter } from './result-writer.ts'
import { FeedTableWriter } from './feed-table-writer.ts'
import type { Output } from './output.ts'

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
}

interface Wire extends Connection {
  query(sql: string): void
  sendCopyFail(message: string): void
}

export interface RunOptions {
  readonly sql: string
  readonly format: DisplayFormat
  readonly feedFormat: DisplayFormat
  /** The width of the terminal in cells, if a table should fit into it. */
  readonly maxWidth: number | undefined
  readonly output: Output
  /** The first two words of the statement. */
  readonly words: readonly string[]
}

/** The object that the driver expects for a query. */
export class StatementRun {
  readonly #options: RunOptions
  readonly #done = Promise.withResolvers<void>()
  #writer: ResultWriter | undefined
  #hasRows = false
  #error: Error | undefined
  /** The command tags in order. */
  readonly tags: string[] = []

  constructor(options: RunOptions) {
    this.#options = options
  }

  /** Settles when the server is ready for the next statement; rejects with its error. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Whether a part of the result was printed. */
  get hasRows(): boolean {
    return this.#hasRows
  }

  submit(connection: Connection): void {
    ;(connection as Wire).query(this.#options.sql)
  }

  handleRowDescription({ fields }: RowDescription): void {
    const { format, feedFormat, maxWidth, output } = this.#options
    const columns = fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }))
    const isFeed = this.#isChangefeed() && columns.map(({ name }) => name).join() === 'table,key,value'
    if (!isFeed) this.#writer = resultWriter(format, columns, maxWidth)
    else this.#writer = feedFormat === 'table' ? new FeedTableWriter(columns) : resultWriter(feedFormat, columns)
    output.write(this.#writer.head())
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#hasRows = true
    this.#options.output.write(this.#writer?.row(fields) ?? '')
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // The 0 in `INSERT 0 1` was an object identifier in old versions of PostgreSQL.
    const tag = text.replace(/^INSERT 0 /, 'INSERT ')
    this.tags.push(tag)
    this.#options.output.write(this.#writer === undefined ? `${tag}\n` : this.#writer.end())
    this.#writer = undefined
  }

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: Connection): void {
    ;(connection as Wire).sendCopyFail('this shell sends no COPY data, psql does')
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.#options.output.write(chunk.toString('utf8'))
  }

  handleError(error: Error, connection: Connection): void {
    this.#error = error
    // After an error of the server, the driver does not report ReadyForQuery, which contains the state of the transaction.
    const isOver = (error as { readonly severity?: string }).severity !== 'ERROR'
    if (isOver) {
      this.#settle()
      return
    }
    const events = ['readyForQuery', 'end']
    const settle = (): void => {
      for (const event of events) connection.off(event, settle)
      this.#settle()
    }
    for (const event of events) connection.on(event, settle)
  }

  handleReadyForQuery(): void {
    this.#settle()
  }

  #settle(): void {
    if (this.#error === undefined) this.#done.resolve()
    else this.#done.reject(this.#error)
  }

  #isChangefeed(): boolean {
    const [first, second] = this.#options.words
    return (first === 'experimental' || first === 'create') && second === 'changefeed'
  }
}
