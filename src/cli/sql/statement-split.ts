// Collects lines and returns whole statements, which end at semicolons.

import { lex } from '../../sql/lexer.ts'
import { splitTokens } from '../../sql/split.ts'

export interface SplitStatement {
  /** The typed text without the semicolon. */
  readonly sql: string
  readonly start: number
  readonly end: number
  /** Whether a semicolon follows. */
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

  /** Whether the next line starts a statement or is a command of the shell. */
  get isEmpty(): boolean {
    return this.#pending === ''
  }

  /** The lines of a statement that has not ended yet. */
  get pending(): string {
    return this.#pending
  }

  /** Whether a string or a comment is open, to which the next line belongs. */
  get isQuoted(): boolean {
    return lex(`${this.#pending}\nx`).at(-1)?.text !== 'x'
  }

  /** Adds a line and returns the statements that end in it. */
  push(line: string): string[] {
    this.#pending = this.#pending === '' ? line : `${this.#pending}\n${line}`
    // A line without a semicolon ends no statement, so a long statement is not lexed again for each of its lines.
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

  /** Returns the last statement at the end of the input, which has no semicolon. */
  take(): string | undefined {
    const [statement] = splitStatements(this.#pending)
    this.#pending = ''
    return statement?.sql
  }
}

/** Returns whether the text has only blanks, semicolons and closed comments. */
function isNothing(text: string): boolean {
  // The word is not found if a comment is still open.
  const tokens = lex(`${text}\nx`).filter((token) => token.text !== ';')
  return tokens.length === 1 && tokens[0]?.text === 'x'
}
