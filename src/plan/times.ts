// Reads `cursor` and `end_time`, and compares them with the time of the statement.

import { compareHlc, formatHlc, type Hlc } from '../core/hlc.ts'
import { optionError } from './option-errors.ts'
import type { GivenOption, GivenOptions } from './read-options.ts'
import { parseMoment } from './timestamp-text.ts'

export interface FeedTimes {
  /** The time from which the feed counts: the cursor or, without one, the time at which the statement came. */
  readonly statementTime: Hlc
  readonly cursor: Hlc | undefined
  readonly endTime: Hlc | undefined
}

export function readTimes(given: GivenOptions, now: Hlc): FeedTimes {
  const cursorOption = given.get('cursor')
  const endOption = given.get('end_time')
  const cursor = cursorOption && readCursor(cursorOption, now)
  // The end may lie in the future, so its interval may be positive, too.
  const endTime = endOption && readMoment(endOption, now, 'either')
  return { statementTime: cursor ?? now, cursor, endTime }
}

function readCursor(option: GivenOption, now: Hlc): Hlc {
  const at = readMoment(option, now, 'back')
  if (compareHlc(at, now) > 0) {
    throw optionError(option, `timestamp '${option.text}' is in the future`)
  }
  return at
}

function readMoment(option: GivenOption, now: Hlc, direction: 'back' | 'either'): Hlc {
  const { name } = option
  const text = option.text ?? ''
  const moment = parseMoment(text)
  if (moment.tag === 'at') return moment.at
  if (moment.tag === 'error') throw optionError(option, `${name}: ${moment.message}`, examples(direction))
  if (direction === 'back' && moment.nanos >= 0n) {
    throw optionError(option, `${name}: interval '${text}' must be negative`, `'-${text.trim()}'`)
  }
  const wall = now.wall + moment.nanos
  if (wall <= 0n || wall > 0x7fffffffffffffffn) {
    throw optionError(option, `${name}: interval '${text}' is out of range`)
  }
  return { wall, logical: 0 }
}

/** Returns an example of each form. `back`: the time must have passed. */
function examples(direction: 'back' | 'either'): string {
  const interval = direction === 'back' ? "an interval before now: '-1h'" : "an interval from now: '1h'"
  return `a timestamp, in UTC unless it names a zone: '2026-01-31 12:00:00'; a decimal, as in updated and resolved messages: '1769860800000000000.0000000000'; or ${interval}`
}

export function checkEndTime({ endTime, statementTime }: FeedTimes, given: GivenOptions): void {
  if (endTime === undefined || compareHlc(endTime, statementTime) >= 0) return
  const message = `specified end time ${formatHlc(endTime)} cannot be less than statement time ${formatHlc(statementTime)}`
  throw optionError(given.get('end_time'), message)
}
