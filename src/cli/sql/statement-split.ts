// Statements as they come in: text goes in by lines, whole statements come out at their semicolons.

import { lex } from '../../sql/lexer.ts'
import { splitTokens } from '../../sql/split.ts'

export interface SplitStatement {
  /** As typed, without the semicolon. */
  readonly sql: string
  readonly start: number
  readonly end: number
  /** A semicolon follows. */
  readonly terminated: boolean
}

export function splitStatements(sql: string): SplitStatement[] {
  return splitTokens(lex(sql)).map(({ tokens, terminated }) => {
    const start = tokens[0]?.start ?? 0
    const end = tokens.at(-1)?.end ?? start
    return { sql: sql.slice(start, end), start, end, terminated }
  })
}

export class StatementBuffer {
  #pending = ''

  /** Nothing is begun: the next line begins a statement, or is a command of the shell. */
  get isEmpty(): boolean {
    return this.#pending === ''
  }

  /** The lines of a statement that is begun. */
  get pending(): string {
    return this.#pending
  }

  /** A string or a comment is open: whatever the next line says belongs to it. */
  get isQuoted(): boolean {
    return lex(`${this.#pending}\nx`).at(-1)?.text !== 'x'
  }

  /** Takes a line; gives the statements it ends. */
  push(line: string): string[] {
    this.#pending = this.#pending === '' ? line : `${this.#pending}\n${line}`
    // Without a semicolon nothing ends, and a long statement is not read again for each of its lines.
    if (!line.includes(';')) {
      if (isNothing(line) && isNothing(this.#pending)) this.#pending = ''
      return []
    }
    const statements = splitStatements(this.#pending)
    const whole = statements.filter(({ terminated }) => terminated)
    const rest = statements.find(({ terminated }) => !terminated)
    const last = whole.at(-1)
    if (rest !== undefined) this.#pending = this.#pending.slice(rest.start)
    else {
      const tail = last === undefined ? this.#pending : this.#pending.slice(last.end)
      this.#pending = isNothing(tail) ? '' : tail.replace(/^[\s;]*/, '')
    }
    return whole.map(({ sql }) => sql)
  }

  /** What is left at the end of the input: a last statement without its semicolon. */
  take(): string | undefined {
    const [statement] = splitStatements(this.#pending)
    this.#pending = ''
    return statement?.sql
  }
}

/** Blanks, semicolons and closed comments. */
function isNothing(text: string): boolean {
  // A comment that is still open would swallow the word.
  const tokens = lex(`${text}\nx`).filter((token) => token.text !== ';')
  return tokens.length === 1 && tokens[0]?.text === 'x'
}
