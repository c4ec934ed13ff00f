// The file with the points of an hour that is over. The series of a metric lie together, so that a query reads only these:
//
//   8 bytes magic  u32 length of the directory  u32 its CRC-32  directory: JSON, { metric: [offset, length] }  sections
//   section: u32 CRC-32 of the rest, series: u16 length, key, u32 length, points (series-code.ts)
//
// A file is written under another name, synced and renamed, so it is whole or not there.

import { open, readFile, rename, rm } from 'node:fs/promises'
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

export interface Directory {
  /** Where the section of each metric lies in the file. */
  readonly places: ReadonlyMap<string, { readonly at: number; readonly length: number }>
}

/** `decode` makes the points of the series, which takes some time. */
export type TakeSeries = (key: string, decode: () => Float64Array) => void

/** Reads the directory at the beginning of a file. A number: so many bytes of the file are needed. Undefined: damage. */
export function readDirectory(bytes: Buffer): Directory | number | undefined {
  if (bytes.length < headBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  const length = bytes.readUInt32LE(magic.length)
  if (length > mostBytes) return undefined
  const begin = headBytes + length
  if (bytes.length < begin) return begin
  const names = bytes.subarray(headBytes, begin)
  if (crc32(names) !== bytes.readUInt32LE(magic.length + 4)) return undefined
  const written = JSON.parse(names.toString()) as Readonly<Record<string, readonly [offset: number, length: number]>>
  const places = Object.entries(written)
    .filter(([, [, own]]) => own <= mostBytes)
    .map(([name, [offset, own]]) => [name, { at: begin + offset, length: own }] as const)
  return { places: new Map(places) }
}

/** Passes the series of a section on, unless it is damaged. */
export function readSection(section: Buffer, take: TakeSeries): void {
  if (section.length <= 4 || crc32(section.subarray(4)) !== section.readUInt32LE(0)) return
  for (let at = 4; at < section.length;) {
    const keyEnd = at + 2 + section.readUInt16LE(at)
    const key = section.toString('utf8', at + 2, keyEnd)
    const end = keyEnd + 4 + section.readUInt32LE(keyEnd)
    take(key, () => decodeSeries(section.subarray(keyEnd + 4, end)))
    at = end
  }
}

/** Passes the series of all metrics on. What is damaged counts as not there. Throws if there is no file. */
export async function readBlock(path: string, take: TakeSeries): Promise<void> {
  const bytes = await readFile(path)
  const directory = readDirectory(bytes)
  if (directory === undefined || typeof directory === 'number') return
  for (const { at, length } of directory.places.values()) {
    if (at + length > bytes.length) continue
    readSection(bytes.subarray(at, at + length), take)
    // As for writing.
    await turn()
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
