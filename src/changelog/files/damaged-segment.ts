// Reads the blocks of a segment that may be damaged. If a block cannot be read, the next one is searched for byte by byte. A
// block counts only if its header has the right checksum, or with the first format the whole block.

import { fstatSync, readSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import { magicOf, type ParsedBlock } from './block-format.ts'
import { BlockScanner } from './block-scanner.ts'
import {
  openIfThere,
  readSegmentHeader,
  segmentHeaderBytes,
  type OpenFile,
  type SegmentHeader,
  type SegmentName,
} from './segment.ts'

const searchBytes = 64 * 1024

export interface OpenSegment extends OpenFile {
  readonly segment: SegmentName
  readonly bytes: number
  /** Undefined if the header cannot be read; `damage` says why. */
  readonly header: SegmentHeader | undefined
  readonly damage: string | undefined
  /** Position of the first block. */
  readonly first: number
}

/** Returns undefined if retention has removed the segment. */
export function openSegment(segment: SegmentName): OpenSegment | undefined {
  const file = openIfThere(segment)
  if (file === undefined) return undefined
  const { fd } = file
  let header: SegmentHeader | undefined
  let damage: string | undefined
  try {
    header = readSegmentHeader(fd, segment)
    if (header === undefined) damage = 'the file has no header'
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    damage = error.message
  }
  return { ...file, segment, bytes: fstatSync(fd).size, header, damage, first: segment.start + segmentHeaderBytes }
}

/** Yields the readable blocks before `end`. A step without a block says that nothing before `from` could be read. */
export function* blocksOf(
  { fd, segment, bytes, header, first }: OpenSegment,
  end: number,
): Generator<{ readonly from: number; readonly block: ParsedBlock | undefined }> {
  const limit = Math.min(segment.start + bytes, end)
  const scanner = new BlockScanner(fd, segment.start)
  const magic = magicOf(header?.isOldFormat === true)
  try {
    for (let at = first; at < limit;) {
      const block = blockAt(scanner, at, limit)
      if (block !== undefined) {
        yield { from: at, block }
        at = block.nextPosition
        continue
      }
      const next = findMagic(fd, magic, at + 1 - segment.start, limit - segment.start)
      if (next === undefined) return
      at = segment.start + next
      if (blockAt(scanner, at, limit) !== undefined) yield { from: at, block: undefined }
    }
  } finally {
    scanner.release()
  }
}

function blockAt(scanner: BlockScanner, position: number, limit: number): ParsedBlock | undefined {
  scanner.limit = limit
  try {
    const block = scanner.at(position)
    return block === undefined || block.nextPosition > limit ? undefined : block
  } catch (error) {
    // The block is of the first format, and its bytes have the wrong checksum.
    if (error instanceof FeedError) return undefined
    throw error
  }
}

/** Returns the offset of the next bytes with which a block could start. */
function findMagic(fd: number, magic: Buffer, from: number, limit: number): number | undefined {
  const buffer = Buffer.allocUnsafe(searchBytes)
  for (let at = from; at < limit;) {
    const got = readSync(fd, buffer, 0, Math.min(searchBytes, limit - at), at)
    if (got < magic.length) return undefined
    const found = buffer.subarray(0, got).indexOf(magic)
    if (found >= 0) return at + found
    // The magic may lie across two reads.
    at += got - (magic.length - 1)
  }
  return undefined
}
