// Runs statements that come again and again on one connection. To plan those of a reading takes PostgreSQL longer than to run them,
// so a statement that comes a second time is prepared. Nobody else may prepare statements on the connection.

import type { Queries } from '../../postgres/queries.ts'

/** A statement that names other tables is another one. When there are more than these, all are forgotten. */
const mostStatements = 64

export class RepeatedStatements {
  readonly #connection: Queries
  /** By the text: the name of the prepared statement; undefined: it has come once. */
  readonly #names = new Map<string, string | undefined>()
  #prepared = 0

  constructor(connection: Queries) {
    this.#connection = connection
  }

  /** Runs them in this order, each with a snapshot of its own; rows of all. */
  async query(statements: readonly string[]): Promise<(string | null)[][]> {
    const before: string[] = []
    if (this.#names.size > mostStatements) {
      this.#names.clear()
      before.push('DEALLOCATE ALL')
    }
    for (const text of new Set(statements)) this.#note(text, before)
    const run = statements.map((text) => {
      const name = this.#names.get(text)
      return name === undefined ? text : `EXECUTE ${name}`
    })
    return await this.#connection.query([...before, ...run].join(';\n'))
  }

  #note(text: string, before: string[]): void {
    if (this.#names.get(text) !== undefined) return
    if (!this.#names.has(text)) {
      this.#names.set(text, undefined)
      return
    }
    this.#prepared += 1
    const name = `changefeed_${this.#prepared}`
    this.#names.set(text, name)
    before.push(`PREPARE ${name} AS ${text}`)
  }
}
