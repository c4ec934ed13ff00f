// A block on disk: a header, then the payload (records). All integers big-endian.
//
//   0  u32  magic "PGCB"
//   4  u32  CRC-32 of bytes [8, total)
//   8  u32  total bytes, header included
//  12  u16  header bytes (68 + 4 * relations)
//  14  u16  flags
//  16  i64  resolved wall ns        24  u32  resolved logical
//  28  u32  records
//  32  u64  end LSN
//  40  i64  open wall ns            48  u32  open logical       52  u32  relations
//  56  u64  open commit LSN
//  64  u32  CRC-32 of the header's bytes [8, 64) and [68, header bytes)
//  68  u32  relation OIDs …
//
// The header alone tells a reader whether it needs the payload: which relations the payload mentions, how far the log is
// complete after the block, and the timestamp of a transaction that began in an earlier block. The header has a checksum of
// its own, because a reader that skips a block trusts the header without reading the rest.
//
// Blocks of the first format ("PCFB") have no such checksum: their relation OIDs start at 64, and a reader verifies them
// as a whole before it believes anything they say.

import { crc32 } from 'node:zlib'
import { FeedError } from '../../errors/feed-error.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import type { LogBlock, Position } from '../changelog.ts'

const blockMagic = 0x50474342
const firstMagic = 0x50434642
export const fixedHeaderBytes = 68
/** Bytes of a header of the first format before its relations; no header is smaller. */
export const leastHeaderBytes = 64
const headerCrcAt = 64
/** If a block has more relations than this, they are not listed, and the block counts as mentioning every relation. */
export const maxListedRelations = 64
export const maxHeaderBytes = fixedHeaderBytes + 4 * maxListedRelations

export const flag = { open: 1, continues: 2, schema: 4, nonInserts: 8, preamble: 16, anyRelation: 32 } as const

export interface BlockFacts extends Pick<LogBlock, 'resolved' | 'endLsn' | 'open'> {
  readonly flags: number
  readonly records: number
  readonly relations: ReadonlySet<number>
}

export function headerBytes(facts: BlockFacts): number {
  return facts.relations.size > maxListedRelations ? fixedHeaderBytes : fixedHeaderBytes + 4 * facts.relations.size
}

/** Writes the header before the payload; the block is then `buffer[start, payloadEnd)`. */
export function sealBlock(buffer: Buffer, start: number, payloadEnd: number, facts: BlockFacts): void {
  const listed = facts.relations.size <= maxListedRelations
  buffer.writeUInt32BE(blockMagic, start)
  buffer.writeUInt32BE(payloadEnd - start, start + 8)
  buffer.writeUInt16BE(headerBytes(facts), start + 12)
  buffer.writeUInt16BE(
    facts.flags | (listed ? 0 : flag.anyRelation) | (facts.open === undefined ? 0 : flag.open),
    start + 14,
  )
  buffer.writeBigInt64BE(facts.resolved.wall, start + 16)
  buffer.writeUInt32BE(facts.resolved.logical, start + 24)
  buffer.writeUInt32BE(facts.records, start + 28)
  buffer.writeBigUInt64BE(facts.endLsn, start + 32)
  buffer.writeBigInt64BE(facts.open?.ts.wall ?? 0n, start + 40)
  buffer.writeUInt32BE(facts.open?.ts.logical ?? 0, start + 48)
  buffer.writeUInt32BE(listed ? facts.relations.size : 0, start + 52)
  buffer.writeBigUInt64BE(facts.open?.commitLsn ?? 0n, start + 56)
  let at = start + fixedHeaderBytes
  if (listed) for (const relid of facts.relations) at = buffer.writeUInt32BE(relid, at)
  buffer.writeUInt32BE(headerCrc(buffer, start, at), start + headerCrcAt)
  buffer.writeUInt32BE(crc32(buffer.subarray(start + 8, payloadEnd)), start + 4)
}

function headerCrc(buffer: Buffer, start: number, end: number): number {
  const before = crc32(buffer.subarray(start + 8, start + headerCrcAt))
  return crc32(buffer.subarray(start + fixedHeaderBytes, end), before)
}

/** A block whose header lies in `buffer` from `offset`; `load` reads the whole block into memory where only the header is there. */
export class ParsedBlock implements LogBlock {
  readonly position: Position
  readonly totalBytes: number
  readonly headerBytes: number
  readonly flags: number
  readonly resolved: Hlc
  readonly endLsn: Lsn
  readonly open: LogBlock['open']
  readonly #relations: Uint32Array
  readonly #load: (block: ParsedBlock) => Buffer

  /** `buffer[offset, offset + headerBytes)` must be there and verified; see `isBlockHeader` and `isHeaderIntact`. */
  constructor(buffer: Buffer, offset: number, position: number, load: (block: ParsedBlock) => Buffer) {
    this.position = position as Position
    this.totalBytes = buffer.readUInt32BE(offset + 8)
    this.headerBytes = buffer.readUInt16BE(offset + 12)
    this.flags = buffer.readUInt16BE(offset + 14)
    this.resolved = { wall: buffer.readBigInt64BE(offset + 16), logical: buffer.readUInt32BE(offset + 24) }
    this.endLsn = buffer.readBigUInt64BE(offset + 32)
    this.open =
      (this.flags & flag.open) === 0
        ? undefined
        : {
            ts: { wall: buffer.readBigInt64BE(offset + 40), logical: buffer.readUInt32BE(offset + 48) },
            commitLsn: buffer.readBigUInt64BE(offset + 56),
          }
    const fixed = fixedBytes(buffer, offset)
    const count = (this.headerBytes - fixed) / 4
    this.#relations = new Uint32Array(count)
    for (let i = 0; i < count; i++) this.#relations[i] = buffer.readUInt32BE(offset + fixed + 4 * i)
    this.#load = load
  }

  get nextPosition(): Position {
    return (this.position + this.totalBytes) as Position
  }

  get continues(): boolean {
    return (this.flags & flag.continues) !== 0
  }

  get hasSchema(): boolean {
    return (this.flags & flag.schema) !== 0
  }

  get hasNonInserts(): boolean {
    return (this.flags & flag.nonInserts) !== 0
  }

  mentions(relid: number): boolean {
    return (this.flags & flag.anyRelation) !== 0 || this.#relations.includes(relid)
  }

  payload(): Buffer {
    const whole = this.#load(this)
    if (crc32(whole.subarray(8)) !== whole.readUInt32BE(4)) {
      throw new FeedError('FEED_LOG_CORRUPT', `the changelog block at position ${this.position} fails its checksum`, {
        hint: 'the disk has returned other bytes than were written; feeds after this position must be started again with an initial scan',
      })
    }
    return whole.subarray(this.headerBytes)
  }
}

/** The bytes that a block starts with. */
export function magicOf(isOldFormat: boolean): Buffer {
  const magic = Buffer.alloc(4)
  magic.writeUInt32BE(isOldFormat ? firstMagic : blockMagic)
  return magic
}

/** Whether a block header can start at `offset`. Bytes of an incomplete write, or of something else, are refused. */
export function isBlockHeader(buffer: Buffer, offset: number, available: number): boolean {
  if (available < leastHeaderBytes) return false
  const magic = buffer.readUInt32BE(offset)
  if (magic !== blockMagic && magic !== firstMagic) return false
  const fixed = fixedBytes(buffer, offset)
  const total = buffer.readUInt32BE(offset + 8)
  const header = buffer.readUInt16BE(offset + 12)
  return header >= fixed && header <= maxHeaderBytes && header <= total && (header - fixed) % 4 === 0
}

/** Whether the header has a checksum of its own; without one, only the whole block can be verified. */
export function hasHeaderCrc(buffer: Buffer, offset: number): boolean {
  return buffer.readUInt32BE(offset) === blockMagic
}

/** Whether the header at `offset`, which is there as a whole and has a checksum, is what was written. */
export function isHeaderIntact(buffer: Buffer, offset: number): boolean {
  const end = offset + buffer.readUInt16BE(offset + 12)
  return headerCrc(buffer, offset, end) === buffer.readUInt32BE(offset + headerCrcAt)
}

function fixedBytes(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) === firstMagic ? leastHeaderBytes : fixedHeaderBytes
}
