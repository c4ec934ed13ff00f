// Converts the values of settings: from the value in the statement to a canonical text, which is stored and which SHOW prints,
// and from this text to the value that the program reads. Reading a canonical text again gives the same text.

import { formatDuration, parseDuration } from '../core/duration.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { AnyValue, SettingKind } from './known-settings.ts'

export type WrittenTag = 'string' | 'number' | 'word'

export interface Written {
  readonly tag: WrittenTag
  readonly text: string
  /** The 1-based position in the statement; undefined if there is no statement. */
  readonly position: number | undefined
}

/** Returns the canonical text; throws a FeedError that names the setting if the value is wrong. */
export function canonicalValue(name: string, kind: SettingKind, written: Written): string {
  switch (kind) {
    case 'bool':
      return canonicalBool(name, written)
    case 'int':
    case 'float':
      return canonicalNumber(name, kind, written)
    case 'duration':
      return canonicalDuration(name, written)
    case 'size':
      return canonicalSize(name, written)
    case 'string':
      if (written.tag === 'number') throw wrongType(name, kind, written)
      return written.text
  }
}

/** Converts a canonical text to a value: a duration to milliseconds, a size to bytes. */
export function readValue(kind: SettingKind, text: string): AnyValue {
  switch (kind) {
    case 'bool':
      return text === 'true'
    case 'int':
    case 'float':
      return Number(text)
    case 'duration': {
      const read = parseDuration(text)
      return read.tag === 'ok' ? Number(read.nanos) / 1e6 : 0
    }
    case 'size':
      return parseSize(text) ?? 0
    case 'string':
      return text
  }
}

const words: ReadonlyMap<string, string> = new Map([
  ...['true', 't', 'yes', 'y', 'on', '1'].map((word) => [word, 'true'] as const),
  ...['false', 'f', 'no', 'n', 'off', '0'].map((word) => [word, 'false'] as const),
])

function canonicalBool(name: string, written: Written): string {
  if (written.tag === 'number') throw wrongType(name, 'bool', written)
  const value = words.get(written.text.trim().toLowerCase())
  if (value === undefined) throw unreadable(name, written, 'bool', 'invalid bool value')
  return value
}

function canonicalNumber(name: string, kind: 'int' | 'float', written: Written): string {
  if (written.tag === 'word') throw wrongType(name, kind, written)
  const value = Number(written.text)
  const readable = written.text.trim() !== '' && (kind === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value))
  if (!readable) throw unreadable(name, written, kind, 'invalid syntax')
  return String(value)
}

function canonicalDuration(name: string, written: Written): string {
  if (written.tag === 'number') throw wrongType(name, 'duration', written)
  const read = parseDuration(written.text)
  if (read.tag === 'error') throw unreadable(name, written, 'duration', read.message)
  if (read.nanos < 0n)
    throw refused(`${name} cannot be set to a negative duration: ${formatDuration(read.nanos)}`, written)
  return formatDuration(read.nanos)
}

function canonicalSize(name: string, written: Written): string {
  const bytes = parseSize(written.text)
  if (bytes === undefined) {
    throw unreadable(name, written, 'size', "a size is a number of bytes, or '512 MiB', '20GiB', '1.5 GB'")
  }
  return formatSize(bytes)
}

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
])

/** size := digits [. digits] [unit], decimal units of 1000 and binary ones of 1024. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text)
  const unit = sizeUnits.get((match?.[2] ?? '').toLowerCase())
  if (match === null || unit === undefined) return undefined
  const bytes = Math.round(Number(match[1]) * unit)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Prints a size in the largest binary unit that represents it exactly with at most one decimal place. */
export function formatSize(bytes: number): string {
  for (const [unit, name] of [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ] as const) {
    const tenths = (bytes * 10) / unit
    if (bytes >= unit && Number.isInteger(tenths)) return `${tenths / 10} ${name}`
  }
  return `${bytes} B`
}

const typeWords: Readonly<Record<SettingKind, string>> = {
  bool: 'bool',
  int: 'int',
  float: 'float',
  duration: 'interval',
  size: 'string',
  string: 'string',
}

function wrongType(name: string, kind: SettingKind, written: Written): FeedError {
  const got = written.tag === 'number' ? (/[.e]/i.test(written.text) ? 'decimal' : 'int') : 'string'
  return refused(`argument of ${name} must be type ${typeWords[kind]}, not type ${got}`, written)
}

function unreadable(name: string, written: Written, type: string, why: string): FeedError {
  return refused(`${name}: could not parse "${written.text}" as type ${type}: ${why}`, written)
}

function refused(message: string, { position }: Written): FeedError {
  return new FeedError('FEED_SETTING', message, { position })
}
