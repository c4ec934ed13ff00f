// Converts positions in the text that PostgreSQL received to positions in the text that the client typed. Positions count
// characters (code points) from 1, our offsets count UTF-16 units from 0.

import type { Splice } from './splices.ts'

/**
 * Returns the position in the typed text of a position in the sent text, which was `applySplices(typed, splices, start)`. A
 * position inside a replacement becomes the position where the replaced part begins.
 */
export function typedPosition(typed: string, start: number, splices: readonly Splice[], position: number): number {
  let left = Math.max(0, position - 1)
  let from = start
  for (const splice of [...splices].sort((a, b) => a.start - b.start)) {
    const kept = characters(typed, from, splice.start)
    if (left < kept) break
    left -= kept
    const put = characters(splice.text)
    if (left < put) return characters(typed, 0, splice.start) + 1
    left -= put
    from = splice.end
  }
  return characters(typed, 0, from) + left + 1
}

const highSurrogate = /[\ud800-\udbff](?=[\udc00-\udfff])/g

/** Returns how many characters are in `[from, to)`. */
export function characters(text: string, from = 0, to = text.length): number {
  let count = to - from
  highSurrogate.lastIndex = from
  for (let found = highSurrogate.exec(text); found !== null && found.index < to; found = highSurrogate.exec(text)) {
    count -= 1
  }
  return count
}
