// Reads the values of `cursor` and `end_time`:
//
//   1536242855577149065.0000000002    decimal: wall nanoseconds, a dot, the logical counter
//   1536242855577149065               nanoseconds
//   2020-01-02[( |T)03:04[:05[.123456789]]][zone]     zone := Z | UTC | (+|-)HH[[:]MM]; the default is UTC
//   -4h, -1 hour 30 minutes, -00:10:00                before now
//
// A date alone means midnight. The result is exact: no floating-point number is used.

import { parseDuration } from '../core/duration.ts'
import { maxLogical, type Hlc } from '../core/hlc.ts'

export type Moment =
  | { readonly tag: 'at'; readonly at: Hlc }
  /** The distance from now; negative: before now. */
  | { readonly tag: 'from-now'; readonly nanos: bigint }
  | { readonly tag: 'error'; readonly message: string }

const maxWall = 0x7fffffffffffffffn

export function parseMoment(text: string): Moment {
  const trimmed = text.trim()
  const moment = readDecimal(trimmed) ?? readSqlTimestamp(trimmed) ?? readInterval(trimmed)
  return moment ?? { tag: 'error', message: `value '${text}' is neither timestamp, decimal, nor interval` }
}

function readDecimal(text: string): Moment | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const exponent = Number(match[4] ?? '0')
  const whole = match[2] ?? ''
  const fraction = match[3] ?? ''
  // The point is moved in the text, so that all nineteen digits stay exact.
  const digits =
    exponent < 0 ? whole.padStart(whole.length - exponent, '0') + fraction : whole + fraction.padEnd(exponent, '0')
  const point = exponent < 0 ? whole.length : whole.length + exponent
  const wall = BigInt(digits.slice(0, point))
  const logicalDigits = digits.slice(point).replace(/0+$/, '')
  if (logicalDigits.length > 10)
    return { tag: 'error', message: `value '${text}' has more than ten digits after the dot` }
  const logical = Number(logicalDigits.padEnd(10, '0'))
  if (match[1] === '-') return beforeEpoch(text)
  if (logical > maxLogical || wall > maxWall) return outOfRange(text)
  if (wall === 0n && logical === 0) return { tag: 'error', message: 'zero timestamp is invalid' }
  return { tag: 'at', at: { wall, logical } }
}

const sqlTimestamp =
  /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i

function readSqlTimestamp(text: string): Moment | undefined {
  const match = sqlTimestamp.exec(text)
  if (match === null) return undefined
  const field = (group: number): number => Number(match[group] ?? '0')
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)]
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date.UTC carries over: a 30th of February would come back as a day of March.
  const carried = utc.getUTCMonth() !== month - 1 || utc.getUTCDate() !== day
  if (carried || hour > 23 || minute > 59 || second > 59) return outOfRange(text)
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0'))
  const wall = (BigInt(utc.getTime()) - BigInt(zoneMinutes(match[8])) * 60_000n) * 1_000_000n + fraction
  if (wall <= 0n) return beforeEpoch(text)
  return wall > maxWall ? outOfRange(text) : { tag: 'at', at: { wall, logical: 0 } }
}

function zoneMinutes(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '')
  if (match === null) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? '0')
  return match[1] === '-' ? -minutes : minutes
}

function readInterval(text: string): Moment | undefined {
  const read = parseDuration(text)
  return read.tag === 'ok' ? { tag: 'from-now', nanos: read.nanos } : undefined
}

function beforeEpoch(text: string): Moment {
  return { tag: 'error', message: `timestamp '${text}' is before 1970-01-01 00:00:00 UTC` }
}

function outOfRange(text: string): Moment {
  return { tag: 'error', message: `timestamp '${text}' is out of range` }
}
