// Statements of ours in the extended protocol: they are prepared, bound to portals, described and executed, a few rows at a time
// if the client asks for that. The names of our statements and portals are kept here; all other names belong to the server.
// Each answer of ours is sent after the server has sent all earlier ones.
//
// In the middle of a pipeline we find out the status of the transaction with a Sync of our own. It commits an implicit
// transaction: statements that were sent before without a BEGIN remain in effect if a later one fails.

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
  bindMessage,
  closeStatementMessage,
  parseMessage,
  readBindNames,
  readBindValues,
  readParse,
  type BindMessage,
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
import { failTransaction, inFailedTransaction, type QuerySession } from './query-session.ts'

/** The treatment of a message of the client: passed on unchanged, replaced by other bytes (or none), or answered by us. */
export type Verdict = undefined | Buffer | (() => Promise<void>)

const statementLetter = 0x53
const nothing = Buffer.alloc(0)

export class ExtendedProtocol {
  readonly #session: QuerySession
  readonly #handler: StatementHandler
  readonly #statements = new Map<string, Prepared>()
  /** Makes the Parse messages of the statements of PostgreSQL whose text depends on the moment, by their names. */
  readonly #anew = new Map<string, () => Promise<Buffer>>()
  readonly #portals = new Map<string, Portal>()
  /** Whether a statement of ours has failed, so that everything up to the next Sync is ignored. */
  #isSkipping = false

  constructor(session: QuerySession, handler: StatementHandler) {
    this.#session = session
    this.#handler = handler
  }

  get isSkipping(): boolean {
    return this.#isSkipping
  }

  judge(message: number, body: BodyReader): Verdict {
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

  /** Returns whether a Bind is for the server and can be passed on. Its values need not have arrived yet. */
  passesBind({ portal, statement }: BindNames): boolean {
    if (this.#isSkipping || this.#statements.has(statement) || this.#anew.has(statement)) return false
    this.#closePortal(portal)
    this.#session.link.expectations.add(reply.bind)
    return true
  }

  /** Called for a Sync of the client. */
  sync(): void {
    this.#isSkipping = false
  }

  /** Called for a simple query, which removes the statement and the portal without a name. */
  simpleQuery(): void {
    this.#statements.delete('')
    this.#closePortal('')
  }

  /** Removes a prepared statement of ours, or all of them. Returns false if none has that name. */
  deallocate(name: string | undefined): boolean {
    if (name !== undefined) {
      this.#anew.delete(name)
      return this.#statements.delete(name)
    }
    this.#statements.clear()
    this.#anew.clear()
    return true
  }

  /**
   * Called for a Close that the client sends while it waits for rows. If it closes the portal that it waits for, the client
   * wants no more rows. Drivers do that if a reader stops in the middle; the next row might not come for hours.
   */
  closeComes(body: BodyReader): void {
    if (body.u8() === statementLetter) return
    this.#portals.get(body.cstring())?.closeComes()
  }

  /** Closes all portals, because portals end with their transaction. */
  transactionEnded(): void {
    for (const name of this.#portals.keys()) this.#closePortal(name)
  }

  #parse(message: ReadParse): Verdict {
    const pieces = classifyText(this.#handler, message.text, this.#session.link.clientEncoding)
    const [piece] = pieces ?? []
    if (piece === undefined || (pieces?.length === 1 && piece.tag === 'forward')) {
      this.#statements.delete(message.name)
      this.#anew.delete(message.name)
      this.#session.link.expectations.add(reply.parse, piece?.positions)
      return piece === undefined ? undefined : parseMessage({ ...message, sql: piece.sql })
    }
    return this.#ours(async () => {
      if ((pieces?.length ?? 0) > 1)
        throw new FeedError('FEED_SYNTAX', 'cannot insert multiple commands into a prepared statement')
      await this.#prepare(message, piece)
    })
  }

  async #prepare(message: ReadParse, piece: Piece): Promise<void> {
    const { link } = this.#session
    if (piece.tag === 'error') return this.#session.refuseMalformed(piece)
    if ((await link.statusNow()) === 'E') throw inFailedTransaction()
    if (piece.tag === 'local') {
      const { statement, sql } = piece
      // A name belongs to the server or to us, never to both. For PostgreSQL the Close of an unknown name is no error.
      if (message.name !== '' && !this.#statements.has(message.name))
        await link.synchronize(closeStatementMessage(message.name))
      const parameterTypes = (statement.parameterTypes ?? []).map((type, i) => message.types[i] || type)
      this.#statements.set(message.name, { statement, sql, parameterTypes })
      this.#anew.delete(message.name)
      await this.#session.write(parseComplete)
      return
    }
    const { sql, positions } = piece.tag === 'rewrite' ? await piece.rewrite((query) => link.query(query)) : piece
    this.#statements.delete(message.name)
    this.#anew.delete(message.name)
    // A statement without a name is nearly always bound at once.
    if (piece.tag === 'rewrite' && piece.isAnew === true && message.name !== '') {
      this.#anew.set(message.name, async () => {
        const renewed = await piece.rewrite((query) => this.#session.link.query(query))
        return Buffer.concat([closeStatementMessage(message.name), parseMessage({ ...message, sql: renewed.sql })])
      })
    }
    link.expectations.add(reply.parse, positions)
    link.send(parseMessage({ ...message, sql }))
  }

  #bind(body: BodyReader): Verdict {
    const names = readBindNames(body)
    if (this.passesBind(names)) return undefined
    const message = { ...names, ...readBindValues(body) }
    const makeAnew = this.#anew.get(names.statement)
    if (makeAnew !== undefined) return this.#ours(() => this.#bindAnew(message, makeAnew))
    return this.#ours(async () => {
      const prepared = this.#statements.get(message.statement)
      if (prepared === undefined) throw noSuchStatement(message.statement)
      if ((await this.#session.link.statusNow()) === 'E') throw inFailedTransaction()
      this.#closePortal(message.portal)
      const { statement, sql } = prepared
      const parameters = parametersOf(message, prepared)
      const resultFormats = resultFormatsOf(message, prepared)
      this.#portals.set(message.portal, new Portal({ statement, sql, parameters, resultFormats }))
      await this.#session.write(bindComplete)
    })
  }

  /** Prepares the statement again, and then binds it. */
  async #bindAnew(message: BindMessage, makeAnew: () => Promise<Buffer>): Promise<void> {
    const { link } = this.#session
    // In a failed transaction PostgreSQL refuses the Bind with the old text as well.
    if ((await link.statusNow()) !== 'E') await link.synchronize(await makeAnew())
    this.#closePortal(message.portal)
    link.expectations.add(reply.bind)
    link.send(bindMessage(message))
  }

  #describe(body: BodyReader): Verdict {
    const isStatement = body.u8() === statementLetter
    const name = body.cstring()
    if (!(isStatement ? this.#statements : this.#portals).has(name)) return this.#passOn(reply.describe)
    return this.#ours(async () => {
      const prepared = isStatement ? this.#statements.get(name) : undefined
      const portal = isStatement ? undefined : this.#portals.get(name)?.call
      const described = prepared ?? portal
      if (described === undefined) throw isStatement ? noSuchStatement(name) : noSuchPortal(name)
      const { columns } = described.statement
      if (prepared !== undefined) await this.#session.write(parameterDescription(prepared.parameterTypes))
      await this.#session.write(columns === undefined ? noData : rowDescription(columns, portal?.resultFormats ?? []))
    })
  }

  #execute(body: BodyReader): Verdict {
    const name = body.cstring()
    const maxRows = body.u32()
    const executed = this.#portals.get(name)
    if (executed === undefined) return this.#passOn(reply.execute)
    executed.executeComes(maxRows)
    return this.#ours(async () => {
      // An earlier Sync of the same pipeline may have closed the portal meanwhile.
      const portal = this.#portals.get(name)
      if (portal === undefined) throw noSuchPortal(name)
      if ((await this.#session.link.statusNow()) === 'E') throw inFailedTransaction()
      const result = await portal.execute(maxRows, (call) => this.#session.start(call))
      await this.#session.write(result.tag === 'suspended' ? portalSuspended : commandComplete(result.commandTag))
    })
  }

  #close(body: BodyReader): Verdict {
    const isStatement = body.u8() === statementLetter
    const name = body.cstring()
    if (!(isStatement ? this.#statements : this.#portals).has(name)) {
      if (isStatement) this.#anew.delete(name)
      return this.#passOn(reply.close)
    }
    return this.#ours(async () => {
      if (isStatement) this.#statements.delete(name)
      else this.#closePortal(name)
      await this.#session.write(closeComplete)
    })
  }

  /** Returns the verdict for a message that only the server understands, and records the answer that the server will owe. */
  #passOn(kind: number): undefined {
    this.#session.link.expectations.add(kind)
    return undefined
  }

  #closePortal(name: string): void {
    const portal = this.#portals.get(name)
    this.#portals.delete(name)
    portal?.close()
  }

  /**
   * Returns a function that waits for all earlier answers of the server and then runs `work`. After an error of `work`, or
   * an earlier one of the server, everything up to the next Sync is ignored.
   */
  #ours(work: () => Promise<void>): () => Promise<void> {
    return async () => {
      const { link } = this.#session
      await link.settled()
      if (link.expectations.isSkipping) return
      try {
        await work()
      } catch (error) {
        this.#isSkipping = true
        await failTransaction(this.#session)
        await this.#session.write(errorResponse(error))
      }
    }
  }
}
