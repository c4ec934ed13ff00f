// Collects records into the block that is being built. It knows up to where its content is complete (the end of the last
// commit or closed record), so that a flush can seal just that part and carry the beginning of an open transaction over
// into the next block.

import { freeBuffer } from '../../bytes/free-buffer.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import type { LogBlock } from '../changelog.ts'
import { MentionedTables } from './mentioned-tables.ts'
import { flag, maxHeaderBytes, headerBytes, sealBlock, type BlockFacts } from './block-format.ts'

type OpenTransaction = NonNullable<LogBlock['open']>

/** The part of a block's header that describes a run of records. */
interface Tally {
  flags: number
  records: number
  rows: number
  transactions: number
  readonly relations: MentionedTables
  /** A record concerns the readers of all tables. */
  hasNews: boolean
}

function emptyTally(): Tally {
  return { flags: 0, records: 0, rows: 0, transactions: 0, relations: new MentionedTables(), hasNews: false }
}

function addTally(into: Tally, from: Tally): void {
  into.flags |= from.flags
  into.records += from.records
  into.rows += from.rows
  into.transactions += from.transactions
  into.hasNews ||= from.hasNews
  into.relations.addAll(from.relations)
}

export interface SealedBlock {
  /** The block, valid until the builder is used again. */
  readonly bytes: Buffer
  readonly rows: number
  readonly transactions: number
  /** The relations that have records in the block, valid as long as the bytes. */
  readonly relations: ReadonlySet<number>
  readonly hasNews: boolean
  /** The block holds closed timestamps and nothing else. */
  readonly isQuiet: boolean
}

export class BlockBuilder {
  // The payload starts after room for the largest header; sealing writes the real header just before the payload.
  #buffer: Buffer
  #end = maxHeaderBytes
  /** End of the complete part: of the last commit or closed record. */
  #completeEnd = maxHeaderBytes
  #complete = emptyTally()
  /** Counts the records after `#completeEnd`: the transaction that is still open. */
  #tail = emptyTally()
  /** The transaction open where this block starts, and the one open now. */
  #openAtStart: OpenTransaction | undefined
  #openNow: OpenTransaction | undefined
  #resolved: Hlc
  #endLsn: Lsn

  constructor(resolved: Hlc, endLsn: Lsn, bufferBytes: number) {
    this.#resolved = resolved
    this.#endLsn = endLsn
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes)
  }

  get payloadBytes(): number {
    return this.#end - maxHeaderBytes
  }

  get hasComplete(): boolean {
    return this.#completeEnd > maxHeaderBytes
  }

  get inTransaction(): boolean {
    return this.#openNow !== undefined
  }

  /** The timestamp through which the log is complete after the last complete record. */
  get resolved(): Hlc {
    return this.#resolved
  }

  get endLsn(): Lsn {
    return this.#endLsn
  }

  get open(): OpenTransaction | undefined {
    return this.#openNow
  }

  /** Makes room for a record of `n` bytes, writes its length and returns the offset of its first byte. */
  reserve(n: number): number {
    const needed = this.#end + 4 + n
    if (needed > this.#buffer.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(bigger, 0, 0, this.#end)
      freeBuffer(this.#buffer)
      this.#buffer = bigger
    }
    const at = this.#buffer.writeUInt32BE(n, this.#end)
    this.#end = needed
    this.#tail.records += 1
    return at
  }

  /** Adds a record whose bytes lie in one buffer. */
  append(body: Buffer): void {
    const at = this.reserve(body.length)
    body.copy(this.#buffer, at)
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  begin(ts: Hlc, commitLsn: Lsn): void {
    this.#openNow = { ts, commitLsn }
    this.#tail.transactions += 1
  }

  mention(relid: number): void {
    this.#tail.relations.add(relid)
  }

  mark(flags: number): void {
    this.#tail.flags |= flags
  }

  /** The record concerns the readers of all tables. */
  news(): void {
    this.#tail.hasNews = true
  }

  row(): void {
    this.#tail.rows += 1
  }

  /** Declares all records so far complete: the log holds everything up to `resolved` and `endLsn`. */
  complete(resolved: Hlc, endLsn: Lsn): void {
    this.#resolved = resolved
    this.#endLsn = endLsn
    this.#openNow = undefined
    this.#completeEnd = this.#end
    const from = this.#tail
    addTally(this.#complete, from)
    from.flags = from.records = from.rows = from.transactions = 0
    from.hasNews = false
    from.relations.clear()
  }

  /** Seals the complete part. The rest is the start of a transaction and belongs to the next block. */
  sealComplete(): SealedBlock {
    return this.#seal(this.#completeEnd, this.#complete, 0)
  }

  /** Moves the rest to the front. To be called when the bytes of `sealComplete` have been written. */
  carryOver(): void {
    this.#buffer.copy(this.#buffer, maxHeaderBytes, this.#completeEnd, this.#end)
    this.#end = maxHeaderBytes + this.#end - this.#completeEnd
    this.#completeEnd = maxHeaderBytes
    this.#complete = emptyTally()
    this.#openAtStart = undefined
  }

  /** Seals the first block of a segment: known records, and the transaction that is open where the segment starts. */
  sealPreamble(openAtStart: OpenTransaction | undefined): Buffer {
    this.#openAtStart = openAtStart
    return this.#seal(this.#end, this.#tail, openAtStart === undefined ? 0 : flag.continues).bytes
  }

  /** The transaction open where the next sealed block starts. */
  get openAtStart(): OpenTransaction | undefined {
    return this.#openAtStart
  }

  /** Frees a buffer that one large row has made large; the collected records move to a smaller one. */
  shrink(bufferBytes: number): void {
    if (this.#end > bufferBytes) return
    const smaller = Buffer.allocUnsafeSlow(bufferBytes)
    this.#buffer.copy(smaller, 0, 0, this.#end)
    freeBuffer(this.#buffer)
    this.#buffer = smaller
  }

  /** Seals everything: a large transaction is cut here and continues in the next block. */
  sealAll(): SealedBlock {
    const tally = this.#complete
    addTally(tally, this.#tail)
    return this.#seal(this.#end, tally, this.inTransaction ? flag.continues : 0)
  }

  /** Starts an empty block. To be called when the bytes of `sealAll` have been written. */
  startOver(): void {
    this.#end = this.#completeEnd = maxHeaderBytes
    this.#complete = emptyTally()
    this.#tail = emptyTally()
    this.#openAtStart = this.#openNow
  }

  #seal(end: number, tally: Tally, flags: number): SealedBlock {
    const relations = tally.relations.toSet()
    const facts: BlockFacts = {
      flags: tally.flags | flags,
      records: tally.records,
      resolved: this.#resolved,
      endLsn: this.#endLsn,
      open: this.#openAtStart,
      relations,
    }
    const start = maxHeaderBytes - headerBytes(facts)
    sealBlock(this.#buffer, start, end, facts)
    const { rows, transactions, hasNews } = tally
    const isQuiet = transactions === 0 && facts.flags === 0 && facts.open === undefined
    return { bytes: this.#buffer.subarray(start, end), rows, transactions, relations, hasNews, isQuiet }
  }
}
