// The connection of the shell: runs one statement at a time, cancels the running one, and connects again after the connection was lost.

import type { Connection } from 'pg'
import { lex } from '../../sql/lexer.ts'
import type { ShellConnection } from './connection.ts'
import { noticeText, type ErrorReport } from './error-text.ts'
import { openClient, type OpenedClient } from './open-client.ts'
import type { Output } from './output.ts'
import type { ShellSettings } from './shell-settings.ts'
import { StatementRun } from './statement-run.ts'
import { catchTooLong } from './too-long.ts'

export interface SessionOptions {
  readonly connection: ShellConnection
  readonly output: Output
  /** The output of notices and of everything else that is not a result. */
  readonly messages: Output
}

export class Session {
  readonly #options: SessionOptions
  #opened: OpenedClient | undefined
  /** How the last connection was opened, with the password that was typed for it. */
  #known: Pick<OpenedClient, 'source'> | undefined
  #running: StatementRun | undefined
  #database = ''

  constructor(options: SessionOptions) {
    this.#options = options
    const { output } = options
    output.onFull = () => this.#client?.connection.stream.pause()
    output.onDrain = () => this.#client?.connection.stream.resume()
    // Nobody reads the output any more, so the connection is closed, which ends a changefeed.
    output.onClosed = () => this.#client?.connection.stream.destroy()
  }

  get #client(): OpenedClient['client'] | undefined {
    return this.#opened?.client
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  get database(): string {
    return this.#database
  }

  /** I (idle), T (in a transaction), E (in a failed transaction); undefined without a connection. */
  get transactionStatus(): string | undefined {
    return this.#client?.getTransactionStatus() ?? undefined
  }

  async connect(): Promise<void> {
    const { connection, messages } = this.#options
    const { source } = this.#known ?? connection
    const opened = await openClient({ ...connection, source }, (client) => {
      client.on('notice', (notice) => messages.write(noticeText(notice as ErrorReport)))
      client.on('error', () => this.#forget(client))
      client.on('end', () => this.#forget(client))
    })
    const { client } = opened
    this.#known = opened
    catchTooLong(client.connection.stream, (error) => {
      this.#forget(client)
      this.#running?.handleError(error, client.connection as unknown as Connection)
    })
    this.#opened = opened
    await this.#refreshDatabase()
  }

  /** Runs a statement and prints its result as it arrives. Rejects with the error of the server or of the connection. */
  async run(sql: string, { format, feedFormat, fitsTerminal }: ShellSettings): Promise<void> {
    if (this.#client === undefined) {
      this.#options.messages.write(
        'warning: the connection was lost; opening a new one, without the settings of the old session\n',
      )
      await this.connect()
    }
    const words = lex(sql.slice(0, 200))
      .slice(0, 2)
      .map(({ text }) => text)
    const maxWidth = fitsTerminal ? process.stdout.columns : undefined
    const run = new StatementRun({ sql, format, feedFormat, maxWidth, output: this.#options.output, words })
    this.#running = run
    try {
      this.#client?.query(run)
      await run.done
    } catch (error) {
      if (run.hasRows && !this.#options.output.isClosed)
        this.#options.messages.write('(error encountered after some results were delivered)\n')
      throw error
    } finally {
      this.#running = undefined
      this.#options.output.flush()
    }
    if (run.tags.some((tag) => /^(?:SET|RESET|USE|DISCARD)/.test(tag))) await this.#refreshDatabase()
  }

  /** Runs a query of the shell itself, between statements. Returns undefined if a statement is running. */
  async ask(sql: string): Promise<readonly (readonly (string | null)[])[] | undefined> {
    if (this.#client === undefined || this.#running !== undefined || this.transactionStatus === 'E') return undefined
    const { rows } = await this.#client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
    return rows
  }

  /** Asks the server to cancel the running statement, which then ends with an error. */
  cancel(): void {
    if (this.#running !== undefined) void this.#opened?.stream.cancel()
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#opened = undefined
    await client?.end().catch(() => undefined)
  }

  /** Asks for the current database for the prompt: SET DATABASE may have changed it. */
  async #refreshDatabase(): Promise<void> {
    if (this.#client === undefined || this.transactionStatus === 'E') return
    const { rows } = await this.#client.query<{ name: string }>('SELECT pg_catalog.current_database() AS name')
    this.#database = rows[0]?.name ?? ''
  }

  #forget(client: OpenedClient['client']): void {
    if (this.#client === client) this.#opened = undefined
  }
}
