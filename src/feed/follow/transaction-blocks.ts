// The blocks of one transaction that is cut into several, read ahead of the follower.

import type { Changelog, LogBlock, Position } from '../../changelog/changelog.ts'
import type { Lsn } from '../../core/lsn.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import type { Partitions } from '../transaction/partitions.ts'

/** The place at which the records of a transaction begin: a block, and the offset in its payload. */
export interface TransactionStart {
  readonly position: Position
  readonly offset: number
}

export interface ReadAhead {
  readonly log: Changelog
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  /** Called after each block, because reading ahead may take minutes: other feeds get the thread. */
  readonly yieldThread: () => Promise<void>
  /** When the signal aborts, reading ahead ends with the signal's reason. */
  readonly signal: AbortSignal
}

/**
 * The transaction's blocks, each valid until the next one. That a block continues does not say that this transaction does:
 * it may end in the block, and another one be cut at the block's end. The commit LSN of the open transaction tells them apart.
 */
export async function* transactionBlocks(
  { log, partitions, yieldThread, signal }: ReadAhead,
  { position }: TransactionStart,
): AsyncGenerator<LogBlock> {
  using reader = log.jumpTo(position)
  let commitLsn: Lsn | undefined
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    if (block.position > position) {
      commitLsn ??= block.open?.commitLsn
      if (block.open === undefined || block.open.commitLsn !== commitLsn) return
    }
    if (block.hasSchema) partitions.learn(block.payload())
    yield block
    if (!block.continues) return
    await yieldThread()
    // A signal can only have aborted while others had the thread.
    signal.throwIfAborted()
  }
}

/** Returns the offset at which the records of the transaction begin in one of its blocks. */
export function offsetIn({ position }: Pick<LogBlock, 'position'>, start: TransactionStart): number {
  return position === start.position ? start.offset : 0
}
