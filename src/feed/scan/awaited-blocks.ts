// The blocks of a changelog from a position on, for those who look for a position in it and wait until the log has come there.

import type { Changelog, LogBlock, LogReader, Position } from '../../changelog/changelog.ts'
import { ThreadShare } from '../share-thread.ts'

export interface AwaitedBlocksOptions {
  readonly log: Changelog
  readonly from: Position
  readonly signal: AbortSignal
}

export class AwaitedBlocks implements Disposable {
  readonly #options: AwaitedBlocksOptions
  readonly #reader: LogReader
  readonly #threadShare = new ThreadShare()

  constructor(options: AwaitedBlocksOptions) {
    const { log, from } = options
    this.#options = options
    this.#reader = log.readFrom(from)
    // On a quiet source the next timestamp would be closed only later.
    log.closeNow()
  }

  /** Waits for the next block; rejects when the signal aborts. */
  async next(): Promise<LogBlock> {
    const { from, signal } = this.#options
    for (;;) {
      // The signal can only have aborted while others had the thread.
      await this.#threadShare.yieldIfDue()
      signal.throwIfAborted()
      const block = this.#reader.next()
      if (block === undefined) await this.#reader.wait(signal)
      else if (block.position >= from) return block
    }
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]()
  }
}
