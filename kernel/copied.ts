// Encodes the rows of COPY: messages `d`, u32be length, line.

import { readCommitTime } from './commit-time'
import { beginMessages, endMessages, hasRoom, writeMessage } from './messages'
import { readLine } from './line'
import { forgetStamps } from './stamps'
import { setStamps } from './steps'
import { ROW } from './tuple'
import { headInserted, inputAt, pointersAt } from '../src/encode/json/kernel/layout'

const INPUT: usize = inputAt
const headBytes: usize = 5

/**
 * Encodes the whole messages of the input `[from, length)`, whose lines have `sent` values. All rows have the first timestamp; with
 * `commitTimes` the last value is their own commit time, unless that is later.
 */
export function encodeCopied(from: u32, length: u32, base: u32, sent: u32, commitTimes: bool): void {
  forgetStamps()
  beginMessages(base)
  setStamps(0, 0)
  const program = load<u32>(pointersAt)
  const end = INPUT + length
  let at = INPUT + from
  let isLeft = program == 0
  while (!isLeft && at + headBytes <= end) {
    const size = bswap(load<u32>(at + 1))
    if (size >= <u32>(end - at) || !hasRoom(program, size)) break
    const next = at + 1 + size
    isLeft =
      !readLine(at + headBytes, next, sent, ROW) ||
      (commitTimes && !readCommitTime(ROW + ((sent - 1) << 3))) ||
      !writeMessage(program, headInserted, <u32>(at - INPUT))
    if (!isLeft) at = next
  }
  endMessages(<u32>(at - INPUT), isLeft)
}
