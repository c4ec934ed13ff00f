// Changes to a text at known places; everything between them stays byte for byte as typed.

export interface Splice {
  /** UTF-16 offsets of what goes. */
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The text of `[start, end)` after its splices; they may come in any order. */
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
 * Two rounds as one: `second` speaks of the text that `first` made, and becomes splices of the text before. What it
 * would change inside the words of `first` is dropped: they are right already.
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
