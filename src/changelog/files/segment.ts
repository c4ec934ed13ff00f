// A segment: one file of the changelog, named by its first position. It starts with a small header and a preamble block
// that repeats every schema and relation record known there, so that reading can begin at any segment.
//
//   0  8 bytes  "PGCFLOG" and the format version: 2, or 1, whose block headers have no checksum
//   8  u64      position of byte 0 of this file
//  16  u64      milliseconds since the epoch when it was made
//  24  u32      CRC-32 of bytes [0, 24)
//  28  u32      zero

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FeedError } from '../../errors/feed-error.ts'

export const segmentHeaderBytes = 32
const magic = Buffer.from('PGCFLOG\x02', 'latin1')
/** The version that was written before block headers had a checksum of their own. */
const firstVersion = 1
const versionAt = 7
/** The files hold rows of all watched tables: only the server's user may read them. */
const fileMode = 0o600
const folderMode = 0o700

export interface SegmentName {
  readonly start: number
  readonly path: string
}

export function segmentPath(dir: string, start: number): string {
  return join(dir, `${start.toString(16).padStart(16, '0')}.log`)
}

/** The segments of a folder, oldest first. */
export function listSegments(dir: string): SegmentName[] {
  return readdirSync(dir)
    .filter((name) => /^[0-9a-f]{16}\.log$/.test(name))
    .sort()
    .map((name) => ({ start: Number.parseInt(name.slice(0, 16), 16), path: join(dir, name) }))
}

/** Makes the folder if it is missing. Only the server's user may use it and the files that earlier versions left in it. */
export function makeLogDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: folderMode })
  chmodSync(dir, folderMode)
  for (const entry of readdirSync(dir, { withFileTypes: true }))
    if (entry.isFile()) chmodSync(join(dir, entry.name), fileMode)
}

/** Makes the empty file of a segment and returns its descriptor. */
export function openNewSegment(dir: string, start: number): number {
  return openSync(segmentPath(dir, start), 'w', fileMode)
}

/** Makes durable which files are in the folder. Otherwise a file that was made or removed may not be so after a power cut. */
export function syncDir(dir: string): void {
  using folder = openFile(dir, 'r')
  fsyncSync(folder.fd)
}

/** An open file or folder. It is closed at the end of the block that has it. */
export interface OpenFile extends Disposable {
  readonly fd: number
}

export function openFile(path: string, flags: 'r' | 'r+'): OpenFile {
  const fd = openSync(path, flags)
  return { fd, [Symbol.dispose]: () => closeSync(fd) }
}

/** Opens a segment to read it; returns undefined if retention has removed the segment. */
export function openIfThere({ path }: SegmentName): OpenFile | undefined {
  try {
    return openFile(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function segmentHeader(start: number, createdMs: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes)
  magic.copy(header)
  header.writeBigUInt64BE(BigInt(start), 8)
  header.writeBigUInt64BE(BigInt(createdMs), 16)
  header.writeUInt32BE(crc32(header.subarray(0, 24)), 24)
  return header
}

export interface SegmentHeader {
  readonly createdMs: number
  /** The headers of its blocks have no checksum of their own. */
  readonly isOldFormat: boolean
}

/** Reads and checks a segment's header; undefined: a crash has left the file without a whole header. */
export function readSegmentHeader(fd: number, name: SegmentName): SegmentHeader | undefined {
  const header = Buffer.alloc(segmentHeaderBytes)
  if (readSync(fd, header, 0, segmentHeaderBytes, 0) < segmentHeaderBytes) return undefined
  const isOldFormat = header[versionAt] === firstVersion
  const isKnown = header.compare(magic, 0, isOldFormat ? versionAt : 8, 0, isOldFormat ? versionAt : 8) === 0
  if (!isKnown || crc32(header.subarray(0, 24)) !== header.readUInt32BE(24)) {
    if (header.every((byte) => byte === 0)) return undefined
    throw new FeedError('FEED_LOG_CORRUPT', `${name.path} is not a changelog segment of this version`)
  }
  if (Number(header.readBigUInt64BE(8)) !== name.start) {
    throw new FeedError('FEED_LOG_CORRUPT', `${name.path} does not hold the position that its name says`)
  }
  return { createdMs: Number(header.readBigUInt64BE(16)), isOldFormat }
}
