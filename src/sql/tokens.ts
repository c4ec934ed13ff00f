// The tokens of a statement, as lexer.ts makes them, and functions that search in them.

export type TokenTag = 'word' | 'quoted' | 'string' | 'number' | 'param' | 'op'

export interface Token {
  readonly tag: TokenTag
  /** The value of the token: a folded name, or the content of quotes without escapes. */
  readonly text: string
  /** UTF-16 offsets into the text: `[start, end)`. */
  readonly start: number
  readonly end: number
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.tag === 'word' && token.text === text
}

export function isOp(token: Token | undefined, text: string): boolean {
  return token?.tag === 'op' && token.text === text
}

/** Returns the index of the bracket that closes the one at `open`. */
export function closingBracket(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    const token = tokens[i]
    if (isOp(token, '(') || isOp(token, '[')) depth += 1
    else if (isOp(token, ')') || isOp(token, ']')) depth -= 1
    if (depth === 0) return i
  }
  return undefined
}

/** Returns the index of the token that starts at an offset; -1 if there is none. */
export function tokenAt(tokens: readonly Token[], start: number): number {
  let low = 0
  let high = tokens.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((tokens[middle] as Token).start < start) low = middle + 1
    else high = middle
  }
  return tokens[low]?.start === start ? low : -1
}

/** Returns the index of the last token of `name ('.' name)*`, which starts at the token `first`. */
export function nameEnd(tokens: readonly Token[], first: number): number {
  let last = first
  while (isOp(tokens[last + 1], '.')) last += 2
  return last
}
