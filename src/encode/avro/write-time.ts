// Writes dates, times and timestamps: days since 1970, microseconds since midnight, microseconds since 1970. PostgreSQL
// prints them in the style ISO, for example `2006-01-02 15:04:05.999999+00`, years before the first as `0044-03-15 BC`.
//
//   date      := year - month - day [BC]                  time := hour : minute : second [. fraction]
//   timestamp := date without BC, blank, time [zone] [BC] zone := (+|-) hour [: minute [: second]]

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { branch, columnPlace, malformed, refusedValue } from './value-writer.ts'
import { writeMagnitude } from './write-long.ts'

const zero = 0x30
const minus = 0x2d
const plus = 0x2b
const colon = 0x3a
const point = 0x2e
const space = 0x20
const letterI = 0x69
const letterB = 0x42
const secondsPerDay = 86_400
const million = 1_000_000
/** As many seconds are a safe integer of microseconds. */
const safeSeconds = 9_000_000_000
/** The end of 64 bits, in January 294247. PostgreSQL counts from 2000, and comes 30 years further. */
const lastSecond = 9_223_372_036_854
const lastMicros = 775_807

export function writeDate(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  if (isInfinite(bytes, start)) throw infinite('date')
  const days = dateDays(bytes, start, end, isBefore(bytes, end), 'date')
  out.ensure(11)
  out.buffer[out.length++] = branch.first
  writeMagnitude(Math.abs(days), 1, 0, days < 0, out)
}

export function writeTime(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const micros = clockSeconds(bytes, start, end, 'time') * million + microsOf(bytes, start + 8, end)
  out.ensure(11)
  out.buffer[out.length++] = branch.first
  writeMagnitude(micros, 1, 0, false, out)
}

/** Writes a timestamp with or without time zone. */
export function writeTimestamp(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  if (isInfinite(bytes, start)) throw infinite('timestamp')
  let clock = start + 10
  while (clock < end && bytes[clock] !== space) clock += 1
  const days = dateDays(bytes, start, clock, isBefore(bytes, end), 'timestamp')
  clock += 1
  const ofDay = clockSeconds(bytes, clock, end, 'timestamp')
  const micros = microsOf(bytes, clock + 8, end)
  const seconds = days * secondsPerDay + ofDay - zoneSeconds(bytes, clock + 8, end)
  if (seconds >= lastSecond && (seconds > lastSecond || micros > lastMicros)) throw tooLate()
  out.ensure(11)
  out.buffer[out.length++] = branch.first
  if (seconds > -safeSeconds && seconds < safeSeconds) {
    const total = seconds * million + micros
    writeMagnitude(Math.abs(total), 1, 0, total < 0, out)
  } else if (seconds >= 0) writeMagnitude(seconds, million, micros, false, out)
  else if (micros === 0) writeMagnitude(-seconds, million, 0, true, out)
  else writeMagnitude(-seconds - 1, million, million - micros, true, out)
}

function isInfinite(bytes: Buffer, start: number): boolean {
  return bytes[start] === letterI || bytes[start] === minus
}

function infinite(type: string): Error {
  return refusedValue(`infinite ${type} not yet supported with avro`, `NOT isfinite(${columnPlace})`)
}

function tooLate(): Error {
  const last = '294247-01-10 04:00:54.775807'
  return refusedValue(`timestamp after ${last} not supported with avro`, `${columnPlace} > '${last}+00'`)
}

function isBefore(bytes: Buffer, end: number): boolean {
  return bytes[end - 2] === letterB
}

/** `bytes[start, end)` is the date, perhaps with ` BC` behind it. */
function dateDays(bytes: Buffer, start: number, end: number, isBc: boolean, type: string): number {
  let at = start
  let year = 0
  while (at < end && bytes[at] !== minus) year = year * 10 + digit(bytes, at++, type)
  const month = twoDigits(bytes, at + 1, end, type)
  const day = twoDigits(bytes, at + 4, end, type)
  if (at === start || bytes[at + 3] !== minus || month < 1 || month > 12) throw malformed(type)
  return daysSince1970(isBc ? 1 - year : year, month, day)
}

/** The days of the Gregorian calendar, in which the year before 1 is 0. Years begin in March here, so that leap days end them. */
function daysSince1970(ofYear: number, month: number, day: number): number {
  const year = month > 2 ? ofYear : ofYear - 1
  const era = Math.floor(year / 400)
  const yearOfEra = year - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** Reads `hh:mm:ss`. */
function clockSeconds(bytes: Buffer, at: number, end: number, type: string): number {
  if (bytes[at + 2] !== colon || bytes[at + 5] !== colon) throw malformed(type)
  const hours = twoDigits(bytes, at, end, type)
  return hours * 3600 + twoDigits(bytes, at + 3, end, type) * 60 + twoDigits(bytes, at + 6, end, type)
}

/** Reads a fraction of a second at `at`, if there is one. PostgreSQL prints at most six digits. */
function microsOf(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== point) return 0
  let micros = 0
  let place = million
  for (let i = at + 1; i < end && place > 1; i++) {
    const value = (bytes[i] as number) - zero
    if (value < 0 || value > 9) break
    place /= 10
    micros += value * place
  }
  return micros
}

/** Reads the time zone after `from`, if there is one. The sessions that rows are read in have UTC. */
function zoneSeconds(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== plus && bytes[at] !== minus) at += 1
  if (at >= end) return 0
  const sign = bytes[at] === minus ? -1 : 1
  let seconds = 0
  for (let unit = 3600; unit >= 1 && at < end && bytes[at] !== space; unit /= 60, at += 3) {
    seconds += twoDigits(bytes, at + 1, end, 'timestamp') * unit
  }
  return sign * seconds
}

function twoDigits(bytes: Buffer, at: number, end: number, type: string): number {
  if (at + 2 > end) throw malformed(type)
  return digit(bytes, at, type) * 10 + digit(bytes, at + 1, type)
}

function digit(bytes: Buffer, at: number, type: string): number {
  const value = (bytes[at] as number) - zero
  if (value < 0 || value > 9) throw malformed(type)
  return value
}
