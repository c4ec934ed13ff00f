// Whether the dialect's type words may mean something else to some session: a type of the user's that is called string or
// bytes, or a default_int_size that was set. Where nothing of the kind was ever seen, and that is nearly everywhere, a
// statement is translated without asking the catalogue. Until the databases have been looked through, it is asked.

import type { Backend } from '../../postgres/backend.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import { intSizeStoredSql, mayChangeTypes, ownTypesSql } from '../../sql/dialect/type-facts.ts'

export class TypeMemory {
  #state: 'unknown' | 'plain' | 'seen' = 'unknown'

  get mustAsk(): boolean {
    return this.#state !== 'plain'
  }

  /** A text that is about to run, or a parameter of a session that begins. */
  see(sql: string): void {
    if (this.#state !== 'seen' && mayChangeTypes(sql)) this.#state = 'seen'
  }

  /** What earlier runs of the server have left. */
  async read({ source, systemDatabase }: Pick<Backend, 'source' | 'systemDatabase'>): Promise<void> {
    const ask = async (database: string, sql: string): Promise<(string | null)[]> =>
      (await queryOnce({ ...source, database }, sql)).map(([value]) => value ?? null)
    let isSeen = (await ask(systemDatabase, intSizeStoredSql))[0] === 't'
    const databases = await ask(systemDatabase, 'SELECT datname FROM pg_database WHERE datallowconn')
    for (const database of databases) isSeen ||= (await ask(database ?? '', ownTypesSql))[0] === 't'
    if (this.#state === 'unknown') this.#state = isSeen ? 'seen' : 'plain'
  }
}
