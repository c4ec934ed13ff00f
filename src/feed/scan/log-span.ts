// Reads what the log says of some tables after a time, up to the cut of a scan. A later cut of the same scan continues where
// the reading has stopped.

import type { Changelog, LogBlock, LogReader } from '../../changelog/changelog.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { TransactionParts } from '../follow/transaction-parts.ts'
import type { Partitions } from '../transaction/partitions.ts'

export interface LogSpanOptions {
  readonly log: Changelog
  readonly partitions: Partitions
  /** Transactions at or below this time are passed over; the schemas that they leave are known. */
  readonly after: Hlc
  /** Called after each block. It gives other feeds the thread. */
  readonly blockDone: () => Promise<void>
  /** Whether the rows of the tables are passed over. */
  readonly onlySchemas?: boolean
  readonly signal: AbortSignal
}

export class LogSpan implements Disposable {
  readonly schemas = new SchemaHistory()
  readonly #options: LogSpanOptions
  readonly #parts: TransactionParts
  readonly #reader: LogReader
  /** The block that is being read; undefined: the next one must be read. */
  #block: LogBlock | undefined

  constructor(options: LogSpanOptions) {
    const { log, partitions, after } = options
    this.#options = options
    this.#reader = log.readAfter(after)
    const gap = (through: Hlc, reason: string): void => {
      if (compareHlc(through, after) > 0) throw gapSince(reason)
    }
    this.#parts = new TransactionParts({ schemas: this.schemas, partitions, gap })
  }

  /** Calls `take` for each part of the transactions at or below `cut` that were not read yet. The log is complete up to the cut. */
  async readThrough(cut: Hlc, take: (parts: TransactionParts) => void): Promise<void> {
    const { after, blockDone, signal } = this.#options
    const parts = this.#parts
    for (;;) {
      const block = this.#block ?? this.#nextBlock()
      if (block === undefined) return
      while (parts.next()) {
        if (compareHlc(parts.ts, cut) > 0) {
          parts.putBack()
          return
        }
        if (compareHlc(parts.ts, after) <= 0) parts.applySchemas()
        else take(parts)
      }
      this.#block = undefined
      if (compareHlc(block.resolved, cut) >= 0) return
      await blockDone()
      signal.throwIfAborted()
    }
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]()
  }

  #nextBlock(): LogBlock | undefined {
    const block = this.#reader.next()
    if (block === undefined) return undefined
    this.#block = block
    if (block.hasSchema || this.#mentionsTable(block)) this.#parts.open(block)
    else this.#parts.skip()
    return block
  }

  #mentionsTable(block: LogBlock): boolean {
    return this.#options.onlySchemas !== true && this.#options.partitions.mentionedIn(block)
  }
}

function gapSince(reason: string): FeedError {
  return new FeedError('FEED_GAP', `changes since the cursor are missing from the changelog: ${reason}`, {
    hint: 'start the changefeed without cursor',
  })
}
