// Decides about each message of a client: a message for PostgreSQL is passed on unchanged or rewritten, and a message for us is
// answered here. For each message passed on, the answer that PostgreSQL owes is recorded.

import { BodyReader, peekBindNames, queryMessage } from '../wire/frontend-messages.ts'
import { fromClient } from '../wire/tags.ts'
import { reply } from './expectations.ts'
import type { ExtendedProtocol, Verdict } from './extended-protocol.ts'
import type { Piece, StatementHandler } from './local-statement.ts'
import { forwardedQuery, runSimpleQuery } from './simple-query.ts'
import { classifyText } from './statement-text.ts'
import type { QuerySession } from './query-session.ts'

const nothing = Buffer.alloc(0)

export interface JudgeOptions {
  readonly session: QuerySession
  readonly handler: StatementHandler
  readonly extended: ExtendedProtocol
}

export class MessageJudge {
  readonly #session: QuerySession
  readonly #handler: StatementHandler
  readonly #extended: ExtendedProtocol

  constructor({ session, handler, extended }: JudgeOptions) {
    this.#session = session
    this.#handler = handler
    this.#extended = extended
  }

  /** Judges the message `bytes[start, end)`. */
  judge(tag: number, bytes: Buffer, start: number, end: number): Verdict {
    switch (tag) {
      case fromClient.query:
        return this.#query(bytes.subarray(start + 5, end - 1))
      case fromClient.sync:
        this.#extended.sync()
        this.#session.link.expectations.add(reply.sync)
        return undefined
      case fromClient.parse:
      case fromClient.bind:
      case fromClient.describe:
      case fromClient.execute:
      case fromClient.close:
        return this.#extended.judge(tag, new BodyReader(bytes, start + 5, end))
      case fromClient.copyDone:
      case fromClient.copyFail:
        this.#session.link.expectations.add(reply.copyEnd)
        return undefined
      case fromClient.functionCall:
        if (this.#extended.isSkipping) return nothing
        this.#session.link.expectations.add(reply.query)
        return undefined
      default:
        return undefined
    }
  }

  /** Returns whether a message of which only `bytes[start, …)` has arrived may be passed on before the rest. */
  mayStream(tag: number, bytes: Buffer, start: number): boolean {
    if (tag === fromClient.copyData) return true
    if (tag !== fromClient.bind) return false
    const names = peekBindNames(bytes, start)
    return names !== undefined && this.#extended.passesBind(names)
  }

  #query(text: Buffer): Verdict {
    if (this.#extended.isSkipping) return nothing
    this.#extended.simpleQuery()
    const { link } = this.#session
    const pieces = classifyText(this.#handler, text, link.clientEncoding)
    const instead = pieces && forwardedQuery(pieces)
    if (pieces !== undefined && instead === undefined) return () => this.#answer(pieces)
    link.expectations.add(reply.query, instead?.positions)
    return instead === undefined ? undefined : queryMessage(instead.sql)
  }

  async #answer(pieces: readonly Piece[]): Promise<void> {
    await this.#session.link.settled()
    // After an error PostgreSQL ignores everything up to the next Sync, and so do we.
    if (this.#session.link.expectations.isSkipping) return
    await runSimpleQuery(this.#session, pieces)
    if (this.#session.link.status === 'I') this.#extended.transactionEnded()
  }
}
