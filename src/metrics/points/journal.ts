// The file to which the points of the present hour are appended, a record for every ten seconds:
//
//   u32 length  u32 CRC-32 of the rest  u16 slot  u32 new keys: u16 length, bytes   u32 values: f64 each, NaN for none
//
// A value belongs to the key with its number; keys are numbered as they come. A record that a crash has torn, and everything after
// it, is cut off when the file is opened. Nothing is synced: after a power failure some points are missing.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { Hour, type Values } from './hour.ts'
import { slotsPerHour } from './series-key.ts'

const headBytes = 8

export class Journal {
  readonly hour: Hour
  readonly #fd: number
  readonly #keys: string[]
  readonly #known: Set<string>
  /** The end of the last whole record. What a write that failed has left after it is written over. */
  #end: number

  /** Opens the file, or makes it. */
  constructor(path: string, hour: number) {
    const read = readJournal(path, hour)
    this.hour = read.hour
    this.#keys = read.keys
    this.#known = new Set(read.keys)
    this.#end = read.end
    closeSync(openSync(path, 'a', 0o600))
    this.#fd = openSync(path, 'r+')
    ftruncateSync(this.#fd, read.end)
  }

  /** Keeps the points of a slot, in memory in any case. Throws if the disk does not take them. */
  append(slot: number, values: Values): void {
    this.hour.set(slot, values)
    const fresh = [...values.keys()].filter((key) => !this.#known.has(key) && this.hour.series.has(key))
    const record = writeRecord(slot, { fresh, keys: [...this.#keys, ...fresh], values })
    let written = 0
    while (written < record.length)
      written += writeSync(this.#fd, record, written, record.length - written, this.#end + written)
    this.#end += record.length
    for (const key of fresh) this.#known.add(key)
    this.#keys.push(...fresh)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** Reads as much as is whole; a file that is missing is an empty one. */
export function readJournal(path: string, number: number): { hour: Hour; keys: string[]; end: number } {
  const hour = new Hour(number)
  const keys: string[] = []
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { hour, keys, end: 0 }
  }
  let end = 0
  while (end + headBytes <= bytes.length) {
    const length = bytes.readUInt32LE(end)
    const record = bytes.subarray(end + headBytes, end + headBytes + length)
    if (record.length < length || length < 10 || crc32(record) !== bytes.readUInt32LE(end + 4)) break
    readRecord(record, keys, hour)
    end += headBytes + length
  }
  return { hour, keys, end }
}

interface Record {
  readonly fresh: readonly string[]
  readonly keys: readonly string[]
  readonly values: Values
}

function writeRecord(slot: number, { fresh, keys, values }: Record): Buffer {
  const names = fresh.map((key) => Buffer.from(key))
  const bytes = names.reduce((sum, name) => sum + 2 + name.length, 0)
  const out = Buffer.allocUnsafe(headBytes + 2 + 4 + bytes + 4 + 8 * keys.length)
  let at = out.writeUInt16LE(slot, headBytes)
  at = out.writeUInt32LE(names.length, at)
  for (const name of names) {
    at = out.writeUInt16LE(name.length, at)
    at += name.copy(out, at)
  }
  at = out.writeUInt32LE(keys.length, at)
  for (const key of keys) at = out.writeDoubleLE(values.get(key) ?? Number.NaN, at)
  out.writeUInt32LE(out.length - headBytes, 0)
  out.writeUInt32LE(crc32(out.subarray(headBytes)), 4)
  return out
}

function readRecord(record: Buffer, keys: string[], hour: Hour): void {
  const slot = record.readUInt16LE(0)
  let at = 6
  for (let left = record.readUInt32LE(2); left > 0; left--) {
    const length = record.readUInt16LE(at)
    keys.push(record.toString('utf8', at + 2, at + 2 + length))
    at += 2 + length
  }
  const values = new Map<string, number>()
  const count = record.readUInt32LE(at)
  for (let i = 0; i < count; i++) {
    const value = record.readDoubleLE(at + 4 + 8 * i)
    const key = keys[i]
    if (key !== undefined && !Number.isNaN(value)) values.set(key, value)
  }
  if (slot < slotsPerHour) hour.set(slot, values)
}
