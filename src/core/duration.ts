// Lengths of time as people write and read them here: Go's duration strings (`10s`, `1m30s`, `500ms`, `1.5h`), and the
// spelled-out intervals of SQL (`10 seconds`, `1 day 00:30:00`). A length is always a whole number of nanoseconds, so that
// no conversion loses anything.

export type DurationResult =
  | { readonly tag: 'ok'; readonly nanos: bigint }
  /** The wording of Go, which our error messages quote. */
  | { readonly tag: 'error'; readonly message: string }

/** For whoever has written one that cannot be read. */
export const durationHint = 'a duration is a number with its unit, such as 10s, 5m or 500ms'

const goUnits: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  // U+00B5 MICRO SIGN and U+03BC GREEK SMALL LETTER MU.
  ['\u00b5s', 1000n],
  ['\u03bcs', 1000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])

const maxNanos = 0x7fffffffffffffffn

/**
 * duration := [+|-] (0 | part+)
 * part     := digits [. digits] unit | . digits unit
 */
export function parseGoDuration(text: string): DurationResult {
  const invalid: DurationResult = { tag: 'error', message: `time: invalid duration ${JSON.stringify(text)}` }
  const negative = text.startsWith('-')
  const body = negative || text.startsWith('+') ? text.slice(1) : text
  if (body === '0') return { tag: 'ok', nanos: 0n }
  if (body === '') return invalid

  const part = /(\d*)(?:\.(\d*))?([^\d.]*)/y
  let nanos = 0n
  while (part.lastIndex < body.length) {
    const match = part.exec(body)
    const whole = match?.[1] ?? ''
    const fraction = match?.[2] ?? ''
    if (whole === '' && fraction === '') return invalid
    const unit = match?.[3] ?? ''
    if (unit === '') return { tag: 'error', message: `time: missing unit in duration ${JSON.stringify(text)}` }
    const unitNanos = goUnits.get(unit)
    if (unitNanos === undefined) {
      return { tag: 'error', message: `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}` }
    }
    nanos += scaled(whole, fraction, unitNanos)
    if (nanos > maxNanos) return invalid
  }
  return { tag: 'ok', nanos: negative ? -nanos : nanos }
}

const intervalUnits: ReadonlyMap<string, bigint> = new Map([
  ['microsecond', 1000n],
  ['us', 1000n],
  ['usec', 1000n],
  ['millisecond', 1_000_000n],
  ['ms', 1_000_000n],
  ['msec', 1_000_000n],
  ['second', 1_000_000_000n],
  ['sec', 1_000_000_000n],
  ['s', 1_000_000_000n],
  ['minute', 60_000_000_000n],
  ['min', 60_000_000_000n],
  ['m', 60_000_000_000n],
  ['hour', 3_600_000_000_000n],
  ['hr', 3_600_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['day', 86_400_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['week', 604_800_000_000_000n],
  ['w', 604_800_000_000_000n],
])

/**
 * interval := part+
 * part     := [+|-] digits [. digits] unit | [+|-] HH:MM[:SS[.fraction]]
 *
 * A sign holds for the parts after it until the next sign. Months and years have no fixed length and are refused.
 */
export function parseInterval(text: string): bigint | undefined {
  const part =
    /\s*([+-])?\s*(?:(\d+):(\d{2})(?::(\d{2})(?:\.(\d+))?)?|(\d+)(?:\.(\d+))?\s*([a-z]+))(?=[\s+-]|\d|$)\s*/iy
  let nanos = 0n
  let negative = false
  if (text.trim() === '') return undefined
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    if (match[1] !== undefined) negative = match[1] === '-'
    const length = match[2] === undefined ? lengthInUnit(match) : lengthOfClock(match)
    if (length === undefined) return undefined
    nanos += negative ? -length : length
  }
  return nanos > maxNanos || nanos < -maxNanos ? undefined : nanos
}

function lengthInUnit(match: RegExpExecArray): bigint | undefined {
  const unit = (match[8] ?? '').toLowerCase()
  const unitNanos = intervalUnits.get(unit) ?? (unit.endsWith('s') ? intervalUnits.get(unit.slice(0, -1)) : undefined)
  return unitNanos === undefined ? undefined : scaled(match[6] ?? '', match[7] ?? '', unitNanos)
}

function lengthOfClock(match: RegExpExecArray): bigint {
  const seconds = BigInt(match[2] ?? '0') * 3600n + BigInt(match[3] ?? '0') * 60n + BigInt(match[4] ?? '0')
  return scaled(seconds.toString(), match[5] ?? '', 1_000_000_000n)
}

/** Digits below the nanosecond are dropped, as Go drops them. */
function scaled(whole: string, fraction: string, unitNanos: bigint): bigint {
  const wholeNanos = BigInt(whole === '' ? '0' : whole) * unitNanos
  if (fraction === '') return wholeNanos
  return wholeNanos + (BigInt(fraction) * unitNanos) / 10n ** BigInt(fraction.length)
}

/** Reads either form; the error is the one of Go. */
export function parseDuration(text: string): DurationResult {
  const go = parseGoDuration(text)
  if (go.tag === 'ok') return go
  const nanos = parseInterval(text)
  return nanos === undefined ? go : { tag: 'ok', nanos }
}

/** Returns the text form of Go: `336h0m0s`, `1m30s`, `1.5s`, `200ms`, `0s`. */
export function formatDuration(nanos: bigint): string {
  if (nanos < 0n) return `-${formatDuration(-nanos)}`
  if (nanos === 0n) return '0s'
  if (nanos < 1000n) return `${nanos}ns`
  if (nanos < 1_000_000n) return `${decimal(nanos, 3)}\u00b5s`
  if (nanos < 1_000_000_000n) return `${decimal(nanos, 6)}ms`
  const minutes = nanos / 60_000_000_000n
  const seconds = `${decimal(nanos % 60_000_000_000n, 9)}s`
  if (minutes === 0n) return seconds
  if (minutes < 60n) return `${minutes}m${seconds}`
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

function decimal(value: bigint, places: number): string {
  const scale = 10n ** BigInt(places)
  const fraction = (value % scale).toString().padStart(places, '0').replace(/0+$/, '')
  return fraction === '' ? `${value / scale}` : `${value / scale}.${fraction}`
}
