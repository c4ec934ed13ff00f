// Replaces parts of a text; everything between them stays byte for byte as typed.

export interface Splice {
  /** UTF-16 offsets of the replaced part. */
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Returns the text of `[start, end)` after its splices, which may be in any order. */
export function applySplices(sql: string, splices: readonly Splice[], start = 0, end = sql.length): string {
  let result = ''
  let from = start
  for (const splice of inOrder(splices)) {
    result += sql.slice(from, splice.start) + splice.text
    from = splice.end
  }
  return result + sql.slice(from, end)
}

/**
 * Joins two rounds of splices into one. The offsets of `second` are offsets into the result of `first`; those of the joined
 * splices are offsets into the original text. Splices of `second` inside a replacement of `first` are dropped.
 */
export function joinSplices(first: readonly Splice[], second: readonly Splice[]): Splice[] {
  const earlier = inOrder(first)
  const joined: Splice[] = [...earlier]
  let next = 0
  let grown = 0
  for (const splice of inOrder(second)) {
    let before = earlier[next]
    while (before !== undefined && before.start + grown + before.text.length <= splice.start) {
      grown += before.text.length - (before.end - before.start)
      before = earlier[++next]
    }
    if (before !== undefined && splice.end > before.start + grown) continue
    joined.push({ start: splice.start - grown, end: splice.end - grown, text: splice.text })
  }
  return inOrder(joined)
}

export function moveSplices(splices: readonly Splice[], by: number): readonly Splice[] {
  return by === 0 ? splices : splices.map(({ start, end, text }) => ({ start: start + by, end: end + by, text }))
}

function inOrder(splices: readonly Splice[]): Splice[] {
  return [...splices].sort((a, b) => a.start - b.start)
}
