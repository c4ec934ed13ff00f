// PostgreSQL's positions speak of the text it was sent; the client knows what it typed. Positions count characters
// (code points) from 1, offsets of ours UTF-16 units from 0.

import type { Splice } from './splices.ts'

/**
 * Where a position in a spliced text lies in the text as typed. The sent text was `applySplices(typed, splices, start)`;
 * a place inside a splice is where the splice begins.
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

/** How many characters lie in `[from, to)`. */
export function characters(text: string, from = 0, to = text.length): number {
  let count = to - from
  highSurrogate.lastIndex = from
  for (let found = highSurrogate.exec(text); found !== null && found.index < to; found = highSurrogate.exec(text)) {
    count -= 1
  }
  return count
}
