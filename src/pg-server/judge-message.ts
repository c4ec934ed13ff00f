// What becomes of each message of a client: PostgreSQL's goes on as it came or in other words, and ours is answered
// here. What goes on is noted among the things that PostgreSQL owes.

import { BodyReader, peekBindNames, queryMessage } from '../wire/frontend-messages.ts'
import { reply } from './expectations.ts'
import { kind, type ExtendedProtocol, type Verdict } from './extended-protocol.ts'
import type { Piece, StatementHandler } from './local-statement.ts'
import { forwardedQuery, runSimpleQuery } from './simple-query.ts'
import { classifyText } from './statement-text.ts'
import type { Turn } from './turn.ts'

export const tag = {
  query: 0x51,
  call: 0x46,
  sync: 0x53,
  flush: 0x48,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  terminate: 0x58,
} as const
const nothing = Buffer.alloc(0)

export interface JudgeOptions {
  readonly turn: Turn
  readonly handler: StatementHandler
  readonly extended: ExtendedProtocol
}

export class MessageJudge {
  readonly #turn: Turn
  readonly #handler: StatementHandler
  readonly #extended: ExtendedProtocol

  constructor({ turn, handler, extended }: JudgeOptions) {
    this.#turn = turn
    this.#handler = handler
    this.#extended = extended
  }

  /** Judges the message `bytes[start, end)`. */
  judge(messageTag: number, bytes: Buffer, start: number, end: number): Verdict {
    switch (messageTag) {
      case tag.query:
        return this.#query(bytes.subarray(start + 5, end - 1))
      case tag.sync:
        this.#extended.sync()
        this.#turn.link.expectations.add(reply.sync)
        return undefined
      case kind.parse:
      case kind.bind:
      case kind.describe:
      case kind.execute:
      case kind.close:
        return this.#extended.look(messageTag, new BodyReader(bytes, start + 5, end))
      case tag.copyDone:
      case tag.copyFail:
        this.#turn.link.expectations.add(reply.copyEnd)
        return undefined
      case tag.call:
        if (this.#extended.isSkipping) return nothing
        this.#turn.link.expectations.add(reply.query)
        return undefined
      default:
        return undefined
    }
  }

  /** Whether a message of which only `bytes[start, …)` has come may be passed on before the rest. */
  mayStream(messageTag: number, bytes: Buffer, start: number): boolean {
    if (messageTag === tag.copyData) return true
    if (messageTag !== kind.bind) return false
    const names = peekBindNames(bytes, start)
    return names !== undefined && this.#extended.passesBind(names)
  }

  #query(text: Buffer): Verdict {
    if (this.#extended.isSkipping) return nothing
    this.#extended.simpleQuery()
    const { link } = this.#turn
    const pieces = classifyText(this.#handler, text, link.clientEncoding)
    const instead = pieces && forwardedQuery(pieces)
    if (pieces !== undefined && instead === undefined) return () => this.#answer(pieces)
    link.expectations.add(reply.query, instead?.place)
    return instead === undefined ? undefined : queryMessage(instead.sql)
  }

  async #answer(pieces: readonly Piece[]): Promise<void> {
    await this.#turn.link.settled()
    // After an error PostgreSQL ignores everything up to the next Sync, and so do we.
    if (this.#turn.link.expectations.isSkipping) return
    await runSimpleQuery(this.#turn, pieces)
    if (this.#turn.link.status === 'I') this.#extended.transactionEnded()
  }
}
