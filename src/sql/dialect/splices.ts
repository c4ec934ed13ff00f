// Changes to a text at known places; everything between them stays byte for byte as typed.

export interface Splice {
  /** Character offsets of what goes. */
  readonly start: number
  readonly end: number
  readonly text: string
}

export function applySplices(sql: string, splices: readonly Splice[]): string {
  let result = ''
  let from = 0
  for (const { start, end, text } of [...splices].sort((a, b) => a.start - b.start)) {
    result += sql.slice(from, start) + text
    from = end
  }
  return result + sql.slice(from)
}
