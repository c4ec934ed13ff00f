// Blanks and comments, which separate tokens.

const lineEnd = /[\n\r]/g

/**
 * Returns the offset after blanks and comments (`--` to the end of the line, nested block comments), or the offset of a block
 * comment that does not end.
 */
export function skipBlank(sql: string, from: number): number {
  let at = from
  for (;;) {
    const char = sql[at]
    if (char === undefined) return at
    if (char <= ' ') at += 1
    else if (char === '-' && sql[at + 1] === '-') {
      lineEnd.lastIndex = at
      at = lineEnd.exec(sql) === null ? sql.length : lineEnd.lastIndex
    } else if (char === '/' && sql[at + 1] === '*') {
      const end = blockEnd(sql, at)
      if (end === undefined) return at
      at = end
    } else return at
  }
}

function blockEnd(sql: string, from: number): number | undefined {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    if (sql[at] === '/' && sql[at + 1] === '*') {
      depth += 1
      at += 1
    } else if (sql[at] === '*' && sql[at + 1] === '/') {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return undefined
}
