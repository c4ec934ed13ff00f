// Writes blocks of records into segments: decides where a block ends, when a segment is full, and what the preamble of the
// next segment says. It knows where the written log is complete; its caller knows how much of that is durable.

import type { Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import { BlockBuilder, type SealedBlock } from './block-builder.ts'
import { flag } from './block-format.ts'
import { KnownTables } from './known-tables.ts'
import type { LogHead } from './log-head.ts'
import type { Recovered } from './recover.ts'
import { SegmentFile } from './segment-file.ts'

const blockBytes = 256 * 1024
/** The buffer of the builder is made small again if a large row has made it larger than this. */
const keepBufferBytes = 4 * 1024 * 1024
const defaultSegmentBytes = 64 * 1024 * 1024

export interface BlockWriterOptions {
  readonly dir: string
  /** Counts the written transactions, rows and bytes, and marks the tables of each block. */
  readonly head: LogHead
  /** The state of the log after recovery, from which the writer continues. */
  readonly recovered: Recovered
  readonly segmentBytes?: number | undefined
  readonly now?: (() => number) | undefined
}

/** The end of a block that ends complete. */
export interface Boundary {
  readonly position: number
  readonly resolved: Hlc
  readonly endLsn: Lsn
}

export class BlockWriter {
  readonly file: SegmentFile
  /** Builds the next block: callers reserve the bytes of records in it. */
  readonly builder: BlockBuilder
  /** The tables that the next preamble describes. */
  readonly known: KnownTables
  readonly #head: LogHead
  readonly #segmentBytes: number
  /** The end of the last written block, which a preamble after it repeats. The builder is a block ahead when a segment ends. */
  #written: { readonly resolved: Hlc; readonly endLsn: Lsn }
  #boundary: Boundary
  #changesEnd: number

  constructor({ dir, head, recovered, segmentBytes, now }: BlockWriterOptions) {
    const { resolved, endLsn, position } = recovered
    this.#head = head
    this.#segmentBytes = segmentBytes ?? defaultSegmentBytes
    this.builder = new BlockBuilder(resolved, endLsn, blockBytes * 2)
    this.known = new KnownTables(recovered.known)
    this.#written = { resolved, endLsn }
    this.file = new SegmentFile(dir, position, now ?? Date.now)
    try {
      this.#open(recovered)
    } catch (error) {
      this.file.abandon()
      throw error
    }
    this.#boundary = { position: this.file.position, resolved, endLsn }
    this.#changesEnd = this.file.position
  }

  /** The end of the last written block that ends complete; durable once a sync that started later is done. */
  get boundary(): Boundary {
    return this.#boundary
  }

  /** The end of the last written block that holds more than closed timestamps. */
  get changesEnd(): number {
    return this.#changesEnd
  }

  /**
   * Call after each record. A full block is written up to the end of its last transaction: whoever reads a transaction that lies in
   * several blocks must read ahead. Only a transaction that fills a block by itself is cut.
   */
  cutWhenFull(): void {
    const { builder } = this
    if (builder.payloadBytes < blockBytes) return
    if (builder.inTransaction) this.writeComplete()
    if (builder.payloadBytes < blockBytes) return
    const isComplete = !builder.inTransaction
    this.#write(builder.sealAll())
    this.known.wroteAll()
    builder.startOver()
    this.#wrote(isComplete)
  }

  /** Writes what is complete; the beginning of an open transaction stays in the builder. */
  writeComplete(): void {
    const { builder } = this
    if (!builder.hasComplete) return
    this.#write(builder.sealComplete())
    this.known.wroteComplete()
    builder.carryOver()
    this.#wrote(true)
  }

  #open({ segment, isOldFormat }: Recovered): void {
    if (segment === undefined) {
      this.file.create()
      this.#writePreamble()
      return
    }
    this.file.continueIn(segment)
    if (!isOldFormat) return
    // Its blocks have headers of the old format; later ones have not, and one segment has one format.
    this.#roll()
    this.file.syncNow()
  }

  #wrote(isComplete: boolean): void {
    const { builder, file } = this
    if (builder.buffer.length > keepBufferBytes) builder.shrink(blockBytes * 2)
    if (isComplete) this.#boundary = { position: file.position, resolved: builder.resolved, endLsn: builder.endLsn }
  }

  #write(block: SealedBlock): void {
    const { builder, file } = this
    if (file.length >= this.#segmentBytes) this.#roll()
    const startMs = performance.now()
    file.write(block.bytes)
    this.#head.meter.observe('append', (performance.now() - startMs) * 1e6)
    this.#written = { resolved: builder.resolved, endLsn: builder.endLsn }
    if (!block.isQuiet) this.#changesEnd = file.position
    this.#head.wrote(file.position, block.relations, block.hasNews)
    this.#head.count(block.transactions, block.rows, block.bytes.length)
  }

  #roll(): void {
    this.file.roll()
    this.#writePreamble()
  }

  #writePreamble(): void {
    const { resolved, endLsn } = this.#written
    const preamble = new BlockBuilder(resolved, endLsn, this.known.bytes + 1024)
    for (const [relid, { schema, relation }] of this.known.written) {
      for (const body of [schema, relation]) if (body !== undefined) preamble.append(body)
      preamble.mention(relid)
    }
    preamble.mark(flag.preamble | flag.schema)
    this.file.write(preamble.sealPreamble(this.builder.openAtStart))
  }
}
