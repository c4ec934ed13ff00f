// `cursor` and `end_time` against the clock of the statement.

import { compareHlc, formatHlc, type Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { GivenOption, GivenOptions } from './read-options.ts'
import { parseMoment } from './timestamp-text.ts'

export interface FeedTimes {
  /** What the feed counts from: the cursor, else the moment the statement came. */
  readonly statementTime: Hlc
  readonly cursor: Hlc | undefined
  readonly endTime: Hlc | undefined
}

export function readTimes(given: GivenOptions, now: Hlc): FeedTimes {
  const cursorOption = given.get('cursor')
  const endOption = given.get('end_time')
  const cursor = cursorOption === undefined ? undefined : readCursor(cursorOption, now)
  const endTime = endOption === undefined ? undefined : readEndTime(endOption, now)
  return { statementTime: cursor ?? now, cursor, endTime }
}

function readCursor(option: GivenOption, now: Hlc): Hlc {
  const at = readMoment(option, now, 'back')
  if (compareHlc(at, now) > 0) {
    throw new FeedError('FEED_OPTION', `timestamp '${option.text}' is in the future`, { position: option.position })
  }
  return at
}

/** An end may lie ahead, so an interval counts forward from the statement as well as back. */
function readEndTime(option: GivenOption, now: Hlc): Hlc {
  return readMoment(option, now, 'either')
}

function readMoment(option: GivenOption, now: Hlc, direction: 'back' | 'either'): Hlc {
  const { name, position } = option
  const text = option.text ?? ''
  const moment = parseMoment(text)
  if (moment.tag === 'at') return moment.at
  if (moment.tag === 'error') throw new FeedError('FEED_OPTION', `${name}: ${moment.message}`, { position })
  if (direction === 'back' && moment.nanos >= 0n) {
    throw new FeedError('FEED_OPTION', `${name}: interval '${text}' must be negative`, {
      hint: `'-${text.trim()}'`,
      position,
    })
  }
  const wall = now.wall + moment.nanos
  if (wall <= 0n || wall > 0x7fffffffffffffffn) {
    throw new FeedError('FEED_OPTION', `${name}: interval '${text}' is out of range`, { position })
  }
  return { wall, logical: 0 }
}

export function checkEndTime({ endTime, statementTime }: FeedTimes, given: GivenOptions): void {
  if (endTime === undefined || compareHlc(endTime, statementTime) >= 0) return
  const message = `specified end time ${formatHlc(endTime)} cannot be less than statement time ${formatHlc(statementTime)}`
  throw new FeedError('FEED_OPTION', message, { position: given.get('end_time')?.position })
}
