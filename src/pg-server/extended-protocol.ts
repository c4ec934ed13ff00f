// Statements of ours in the extended protocol: prepared, bound to portals, described, executed, a few rows at a time if
// the client wants. Names that are ours are kept here; all others are the server's. Each answer of ours waits until the
// server has given its own before it.
//
// In the middle of a pipeline the transaction's state is asked with a Sync of our own, which ends an implicit transaction
// of the statements before: had they been sent without a BEGIN, they stay when a later one fails.

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
  closeStatementMessage,
  parseMessage,
  readBindNames,
  readBindValues,
  readParse,
  type BindNames,
  type BodyReader,
  type ReadParse,
} from '../wire/frontend-messages.ts'
import { fromClient } from '../wire/tags.ts'
import { reply } from './expectations.ts'
import type { Piece, StatementHandler } from './local-statement.ts'
import { Portal } from './portal.ts'
import { noSuchPortal, noSuchStatement, parametersOf, resultFormatsOf, type Prepared } from './prepared.ts'
import { classifyText } from './statement-text.ts'
import { failTransaction, inFailedTransaction, type Turn } from './turn.ts'

/** What becomes of a client's message: passed on as it is, replaced by other bytes (or none), or answered by us. */
export type Verdict = undefined | Buffer | (() => Promise<void>)

const statementLetter = 0x53
const nothing = Buffer.alloc(0)

export class ExtendedProtocol {
  readonly #turn: Turn
  readonly #handler: StatementHandler
  readonly #statements = new Map<string, Prepared>()
  readonly #portals = new Map<string, Portal>()
  /** A statement of ours has failed: everything up to the next Sync is ignored. */
  #isSkipping = false

  constructor(turn: Turn, handler: StatementHandler) {
    this.#turn = turn
    this.#handler = handler
  }

  get isSkipping(): boolean {
    return this.#isSkipping
  }

  look(message: number, body: BodyReader): Verdict {
    if (this.#isSkipping) return nothing
    switch (message) {
      case fromClient.parse:
        return this.#parse(readParse(body))
      case fromClient.bind:
        return this.#bind(body)
      case fromClient.execute:
        return this.#execute(body)
      case fromClient.describe:
        return this.#describe(body)
      default:
        return this.#close(body)
    }
  }

  /** Returns whether a Bind, whose values may not have come yet, is the server's and can be passed on. */
  passesBind({ portal, statement }: BindNames): boolean {
    if (this.#isSkipping || this.#statements.has(statement)) return false
    this.#closePortal(portal)
    this.#turn.link.expectations.add(reply.bind)
    return true
  }

  sync(): void {
    this.#isSkipping = false
  }

  /** A simple query has come: it ends the statement and the portal without a name. */
  simpleQuery(): void {
    this.#statements.delete('')
    this.#closePortal('')
  }

  /** Forgets a prepared statement of ours, or all. False: there is none of that name. */
  deallocate(name: string | undefined): boolean {
    if (name !== undefined) return this.#statements.delete(name)
    this.#statements.clear()
    return true
  }

  /**
   * The client has sent a Close while it waits for rows. If it closes the very portal that it waits for, it wants no more: a
   * reader of a stream that is left in the middle does so, and the statement may have no more rows for hours.
   */
  closeBehind(body: BodyReader): void {
    if (body.u8() === statementLetter) return
    this.#portals.get(body.cstring())?.closeComes()
  }

  /** Portals end with their transaction. */
  transactionEnded(): void {
    if (this.#portals.size === 0) return
    for (const name of this.#portals.keys()) this.#closePortal(name)
  }

  #parse(message: ReadParse): Verdict {
    const pieces = classifyText(this.#handler, message.text, this.#turn.link.clientEncoding)
    const [piece] = pieces ?? []
    if (piece === undefined || (pieces?.length === 1 && piece.tag === 'forward')) {
      this.#statements.delete(message.name)
      this.#turn.link.expectations.add(reply.parse, piece?.place)
      return piece === undefined ? undefined : parseMessage({ ...message, sql: piece.sql })
    }
    return this.#ours(async () => {
      if ((pieces?.length ?? 0) > 1)
        throw new FeedError('FEED_SYNTAX', 'cannot insert multiple commands into a prepared statement')
      await this.#prepare(message, piece)
    })
  }

  async #prepare(message: ReadParse, piece: Piece): Promise<void> {
    const { link } = this.#turn
    if (piece.tag === 'error') throw piece.error
    if ((await link.statusNow()) === 'E') throw inFailedTransaction()
    if (piece.tag === 'local') {
      const { statement, sql } = piece
      // A name belongs to the server or to us, never to both. PostgreSQL takes the Close of an unknown name for no error.
      if (message.name !== '' && !this.#statements.has(message.name))
        await link.synchronize(closeStatementMessage(message.name))
      const parameterTypes = (statement.parameterTypes ?? []).map((type, i) => message.types[i] || type)
      this.#statements.set(message.name, { statement, sql, parameterTypes })
      await this.#turn.write(parseComplete)
      return
    }
    const { sql, place } = piece.tag === 'rewrite' ? await piece.rewrite((query) => link.query(query)) : piece
    this.#statements.delete(message.name)
    link.expectations.add(reply.parse, place)
    link.send(parseMessage({ ...message, sql }))
  }

  #bind(body: BodyReader): Verdict {
    const names = readBindNames(body)
    if (this.passesBind(names)) return undefined
    const message = { ...names, ...readBindValues(body) }
    return this.#ours(async () => {
      const prepared = this.#statements.get(message.statement)
      if (prepared === undefined) throw noSuchStatement(message.statement)
      if ((await this.#turn.link.statusNow()) === 'E') throw inFailedTransaction()
      this.#closePortal(message.portal)
      const parameters = parametersOf(message, prepared)
      const resultFormats = resultFormatsOf(message, prepared)
      this.#portals.set(message.portal, new Portal({ ...prepared, parameters, resultFormats }))
      await this.#turn.write(bindComplete)
    })
  }

  #describe(body: BodyReader): Verdict {
    const isStatement = body.u8() === statementLetter
    const name = body.cstring()
    if (!(isStatement ? this.#statements : this.#portals).has(name)) return this.#servers(reply.describe)
    return this.#ours(async () => {
      const portal = isStatement ? undefined : this.#portals.get(name)?.prepared
      const described = isStatement ? this.#statements.get(name) : portal
      if (described === undefined) throw isStatement ? noSuchStatement(name) : noSuchPortal(name)
      const { columns } = described.statement
      if (isStatement) await this.#turn.write(parameterDescription(described.parameterTypes))
      await this.#turn.write(columns === undefined ? noData : rowDescription(columns, portal?.resultFormats ?? []))
    })
  }

  #execute(body: BodyReader): Verdict {
    const name = body.cstring()
    const maxRows = body.u32()
    const executed = this.#portals.get(name)
    if (executed === undefined) return this.#servers(reply.execute)
    executed.executeComes(maxRows)
    return this.#ours(async () => {
      // An earlier Sync of the same pipeline may have ended the portal meanwhile.
      const portal = this.#portals.get(name)
      if (portal === undefined) throw noSuchPortal(name)
      if ((await this.#turn.link.statusNow()) === 'E') throw inFailedTransaction()
      const result = await portal.execute(maxRows, (call) => this.#turn.start(call))
      await this.#turn.write(result.tag === 'suspended' ? portalSuspended : commandComplete(result.commandTag))
    })
  }

  #close(body: BodyReader): Verdict {
    const isStatement = body.u8() === statementLetter
    const name = body.cstring()
    if (!(isStatement ? this.#statements : this.#portals).has(name)) return this.#servers(reply.close)
    return this.#ours(async () => {
      if (isStatement) this.#statements.delete(name)
      else this.#closePortal(name)
      await this.#turn.write(closeComplete)
    })
  }

  #servers(kind: number): undefined {
    this.#turn.link.expectations.add(kind)
    return undefined
  }

  #closePortal(name: string): void {
    const portal = this.#portals.get(name)
    this.#portals.delete(name)
    portal?.close()
  }

  /**
   * Returns `work` so that it runs when the server has answered everything before it. After an error in `work`, or in the
   * server before it, everything up to the next Sync is ignored.
   */
  #ours(work: () => Promise<void>): () => Promise<void> {
    return async () => {
      const { link } = this.#turn
      await link.settled()
      if (link.expectations.isSkipping) return
      try {
        await work()
      } catch (error) {
        this.#isSkipping = true
        await failTransaction(this.#turn)
        await this.#turn.write(errorResponse(error))
      }
    }
  }
}
