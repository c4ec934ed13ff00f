// The file with the points of an hour that is over. The series of a metric lie together, so that a query reads only these:
//
//   8 bytes magic  u32 length of the directory  u32 its CRC-32  directory: JSON, { metric: [offset, length] }  sections
//   section: u32 CRC-32 of the rest, series: u16 length, key, u32 length, points (series-code.ts)
//
// A file is written under another name, synced and renamed, so it is whole or not there.

import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Hour } from './hour.ts'
import { decodeSeries, encodeSeries } from './series-code.ts'
import { readKey } from './series-key.ts'

const magic = Buffer.from('pcfpts01')
const headBytes = magic.length + 8
/** A larger directory or section is damage. */
const mostBytes = 256 * 1024 * 1024

export async function writeBlock(path: string, hour: Hour): Promise<void> {
  const sections: Buffer[] = []
  const directory: Record<string, readonly [offset: number, length: number]> = {}
  let offset = 0
  for (const [name, keys] of byName(hour)) {
    const section = sectionOf(hour, keys)
    directory[name] = [offset, section.length]
    sections.push(section)
    offset += section.length
    // Thousands of series take some time, which belongs to others.
    await turn()
  }
  const names = Buffer.from(JSON.stringify(directory))
  const head = Buffer.alloc(headBytes)
  magic.copy(head)
  head.writeUInt32LE(names.length, magic.length)
  head.writeUInt32LE(crc32(names), magic.length + 4)
  const aside = `${path}.new`
  try {
    const file = await open(aside, 'w', 0o600)
    try {
      await file.writev([head, names, ...sections])
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Passes the series of a metric on, or of all metrics. What is damaged counts as not there. Throws if there is no file. */
export async function readBlock(
  path: string,
  name: string | undefined,
  take: (key: string, values: Float64Array) => void,
): Promise<void> {
  const file = await open(path, 'r')
  try {
    const head = await bytesAt(file, 0, headBytes)
    if (head === undefined || !head.subarray(0, magic.length).equals(magic)) return
    const length = head.readUInt32LE(magic.length)
    const names = await bytesAt(file, headBytes, length)
    if (names === undefined || crc32(names) !== head.readUInt32LE(magic.length + 4)) return
    const directory = JSON.parse(names.toString()) as Readonly<Record<string, readonly [number, number]>>
    const wanted =
      name === undefined ? Object.values(directory) : Object.hasOwn(directory, name) ? [directory[name]] : []
    for (const place of wanted) {
      if (place === undefined) continue
      const section = await bytesAt(file, headBytes + length + place[0], place[1])
      if (section !== undefined && section.length > 4 && crc32(section.subarray(4)) === section.readUInt32LE(0))
        readSection(section, take)
    }
  } finally {
    await file.close()
  }
}

function byName(hour: Hour): ReadonlyMap<string, string[]> {
  const names = new Map<string, string[]>()
  for (const key of hour.series.keys()) {
    const name = readKey(key)?.name
    if (name === undefined) continue
    const keys = names.get(name)
    if (keys === undefined) names.set(name, [key])
    else keys.push(key)
  }
  return names
}

function sectionOf(hour: Hour, keys: readonly string[]): Buffer {
  const parts: Uint8Array[] = [Buffer.alloc(4)]
  for (const key of keys) {
    const name = Buffer.from(key)
    const points = encodeSeries(hour.series.get(key) as Float64Array)
    const lengths = Buffer.alloc(6)
    lengths.writeUInt16LE(name.length, 0)
    lengths.writeUInt32LE(points.length, 2)
    parts.push(lengths.subarray(0, 2), name, lengths.subarray(2), points)
  }
  const section = Buffer.concat(parts)
  section.writeUInt32LE(crc32(section.subarray(4)), 0)
  return section
}

function readSection(section: Buffer, take: (key: string, values: Float64Array) => void): void {
  for (let at = 4; at < section.length;) {
    const keyEnd = at + 2 + section.readUInt16LE(at)
    const key = section.toString('utf8', at + 2, keyEnd)
    const end = keyEnd + 4 + section.readUInt32LE(keyEnd)
    take(key, decodeSeries(section.subarray(keyEnd + 4, end)))
    at = end
  }
}

/** Undefined: the file is shorter. */
async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  if (length > mostBytes) return undefined
  const bytes = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(bytes, 0, length, position)
  return bytesRead < length ? undefined : bytes
}
