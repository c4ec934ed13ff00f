// Statements of ours in the extended protocol: prepared, bound to portals, described, executed, a few rows at a time if
// the client wants. Names that are ours are kept here; all others are the server's. Each answer of ours waits until the
// server has given its own before it.

import { FeedError } from '../errors/feed-error.ts'
import {
  bindComplete,
  closeComplete,
  commandComplete,
  errorResponse,
  noData,
  parameterDescription,
  parseComplete,
  portalSuspended,
  rowDescription,
} from '../wire/backend-writer.ts'
import {
  parseMessage,
  readBind,
  readParse,
  type BindMessage,
  type BodyReader,
  type ParseMessage,
} from '../wire/frontend-messages.ts'
import { expectation, type BackendLink } from './backend-link.ts'
import type { LocalRun } from './local-run.ts'
import type { LocalStatement, Piece, StatementHandler } from './local-statement.ts'

type Work = () => Promise<void>

interface Prepared {
  readonly statement: LocalStatement
  readonly sql: string
}

interface Portal extends Prepared {
  readonly parameters: readonly (string | null)[]
  readonly formats: readonly number[]
  running: { readonly run: LocalRun; readonly over: () => void } | undefined
}

export interface ExtendedOptions {
  readonly handler: StatementHandler
  readonly link: () => BackendLink
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly start: (
    statement: LocalStatement,
    sql: string,
    parameters: readonly (string | null)[],
    formats: readonly number[],
  ) => { run: LocalRun; over: () => void }
  readonly poison: () => Promise<void>
}

const kind = { parse: 0x50, bind: 0x42, describe: 0x44, execute: 0x45, close: 0x43 } as const
const statementLetter = 0x53

const expected: Readonly<Record<number, number>> = {
  [kind.parse]: expectation.parse,
  [kind.bind]: expectation.bind,
  [kind.describe]: expectation.describe,
  [kind.execute]: expectation.execute,
  [kind.close]: expectation.close,
}

export class ExtendedProtocol {
  readonly #options: ExtendedOptions
  readonly #statements = new Map<string, Prepared>()
  readonly #portals = new Map<string, Portal>()
  /** A statement of ours has failed: everything up to the next Sync is ignored. */
  #isSkipping = false

  constructor(options: ExtendedOptions) {
    this.#options = options
  }

  /** Undefined: the message is the server's, pass it on. */
  look(message: number, body: BodyReader): Work | undefined {
    if (this.#isSkipping) return async () => undefined
    const work = this.#work(message, body)
    if (work === undefined) this.#options.link().expect(expected[message] as number)
    return work
  }

  /** Before a Sync is passed on: whether there is something of ours to end first. */
  sync(): boolean {
    return this.#isSkipping || this.#portals.size > 0
  }

  async endOfPipeline(): Promise<void> {
    this.#isSkipping = false
    const link = this.#options.link()
    await link.settled()
    // Portals end with their transaction, and outside of one that is now.
    if (link.status !== 'I') return
    for (const name of Array.from(this.#portals.keys())) this.#closePortal(name)
  }

  /** The session has another backend. */
  forget(): void {
    for (const name of Array.from(this.#portals.keys())) this.#closePortal(name)
    this.#statements.clear()
  }

  #work(message: number, body: BodyReader): Work | undefined {
    switch (message) {
      case kind.parse:
        return this.#parse(readParse(body))
      case kind.bind:
        return this.#bind(readBind(body))
      case kind.describe: {
        const isStatement = body.u8() === statementLetter
        const name = body.cstring()
        const found = isStatement ? this.#statements.get(name) : this.#portals.get(name)
        return found && this.#ours(() => this.#describe(found, isStatement))
      }
      case kind.execute: {
        const name = body.cstring()
        const portal = this.#portals.get(name)
        const maxRows = body.u32()
        return portal && this.#ours(() => this.#execute(portal, maxRows))
      }
      default: {
        const isStatement = body.u8() === statementLetter
        const name = body.cstring()
        const isOurs = isStatement ? this.#statements.delete(name) : this.#portals.has(name)
        if (!isStatement && isOurs) this.#closePortal(name)
        return isOurs ? this.#ours(() => this.#options.write(closeComplete)) : undefined
      }
    }
  }

  #parse(message: ParseMessage): Work | undefined {
    const pieces = this.#options.handler.classify(message.sql)
    if (pieces === undefined) {
      this.#statements.delete(message.name)
      return undefined
    }
    return this.#ours(async () => {
      const [piece] = pieces
      if (piece === undefined || pieces.length > 1) {
        throw new FeedError('FEED_SYNTAX', 'cannot insert multiple commands into a prepared statement')
      }
      await this.#prepare(message, piece)
    })
  }

  async #prepare(message: ParseMessage, piece: Piece): Promise<void> {
    const { link, write } = this.#options
    if (piece.tag === 'error') throw piece.error
    if (piece.tag === 'local') {
      // A name is the server's or ours, never both.
      if (message.name !== '' && !this.#statements.has(message.name)) await this.#dropAtServer(message.name)
      this.#statements.set(message.name, { statement: piece.statement, sql: piece.sql })
      await write(parseComplete)
      return
    }
    this.#statements.delete(message.name)
    const sql = piece.tag === 'forward' ? piece.sql : await piece.rewrite((query) => link().query(query))
    link().expect(expectation.parse)
    link().send(parseMessage({ ...message, sql }))
  }

  async #dropAtServer(name: string): Promise<void> {
    const link = this.#options.link()
    const quoted = `"${name.replaceAll('"', '""')}"`
    const rows = await link.query(
      `SELECT FROM pg_catalog.pg_prepared_statements WHERE name = E'${name.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    )
    if (rows.length > 0) await link.query(`DEALLOCATE ${quoted}`)
  }

  #bind(message: BindMessage): Work | undefined {
    const prepared = this.#statements.get(message.statement)
    if (this.#portals.has(message.portal)) this.#closePortal(message.portal)
    if (prepared === undefined) return undefined
    // The bytes belong to the socket's buffer, which may be gone when the work runs.
    // All parameters are declared as text, whose binary form is the same.
    const parameters = message.values.map((value) => (value === null ? null : value.toString('utf8')))
    return this.#ours(async () => {
      const { statement } = prepared
      if (parameters.length !== statement.parameterTypes.length) {
        throw new FeedError(
          'FEED_PROTOCOL',
          `bind message supplies ${parameters.length} parameters, but the statement requires ${statement.parameterTypes.length}`,
        )
      }
      const formats = (statement.columns ?? []).map(
        (_, i) => message.resultFormats[message.resultFormats.length === 1 ? 0 : i] ?? 0,
      )
      this.#portals.set(message.portal, { ...prepared, parameters, formats, running: undefined })
      await this.#options.write(bindComplete)
    })
  }

  async #describe(found: Prepared | Portal, isStatement: boolean): Promise<void> {
    const { write } = this.#options
    const { parameterTypes, columns } = found.statement
    if (isStatement) await write(parameterDescription(parameterTypes))
    await write(columns === undefined ? noData : rowDescription(columns, 'formats' in found ? found.formats : []))
  }

  async #execute(portal: Portal, maxRows: number): Promise<void> {
    if (this.#options.link().status === 'E') {
      throw new FeedError(
        'FEED_STATE',
        'current transaction is aborted, commands ignored until end of transaction block',
        { sqlstate: '25P02' },
      )
    }
    portal.running ??= this.#options.start(portal.statement, portal.sql, portal.parameters, portal.formats)
    const { run, over } = portal.running
    try {
      const result = await run.advance(maxRows)
      if (result.tag === 'suspended') {
        await this.#options.write(portalSuspended)
        return
      }
      over()
      await this.#options.write(commandComplete(result.commandTag))
    } catch (error) {
      over()
      throw error
    }
  }

  #closePortal(name: string): void {
    const running = this.#portals.get(name)?.running
    this.#portals.delete(name)
    if (running === undefined) return
    running.run.abort(new FeedError('FEED_CANCELED', 'query execution canceled'))
    running.over()
  }

  /** In turn behind the server's answers; a failure of it (or of the server before it) skips to the next Sync. */
  #ours(work: Work): Work {
    return async () => {
      const { link, write, poison } = this.#options
      await link().settled()
      if (link().isSkipping) return
      try {
        await work()
      } catch (error) {
        this.#isSkipping = true
        await poison()
        await write(errorResponse(error))
      }
    }
  }
}
